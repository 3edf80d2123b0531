#!/usr/bin/env bash
# kt in an ops pipeline: exit codes, jq, pipes and head. KT_BOOTSTRAP names a broker; kt is on the PATH.
set -uo pipefail

failures=0

# What a command prints on stdout.
prints() { # expected, command...
  local expected=$1 printed; shift
  printed=$("$@" 2>/dev/null)
  if [ "$printed" != "$expected" ]; then
    printf 'FAILED: %s\n  printed:  %q\n  expected: %q\n' "$*" "$printed" "$expected"
    failures=$((failures + 1))
  fi
}

# The exit code of a command, and that its complaint is a sentence, not a trace.
exits() { # code, command...
  local expected=$1 code said; shift
  said=$("$@" 2>&1 >/dev/null </dev/null)
  code=$?
  if [ "$code" != "$expected" ] || [[ $said == *panicked* ]]; then
    printf 'FAILED: %s\n  exit %s, expected %s: %s\n' "$*" "$code" "$expected" "$said"
    failures=$((failures + 1))
  fi
}

# A line of shell.
sh_prints() { prints "$1" bash -o pipefail -c "$2"; }

# --- topics that a deployment needs, made once
exits 0 kt topics create orders --partitions 3 --set retention.ms=3600000
exits 1 kt topics create orders
exits 0 kt topics create orders --if-not-exists
exits 0 kt topics create audit --like orders
sh_prints $'audit\norders' 'kt topics -o name'
sh_prints 3 'kt topics list orders --json | jq .items[0].partitions'
sh_prints '["audit","orders"]' 'kt topics --json | jq -c "[.items[].name]"'
sh_prints 'orders 3' 'kt topics list orders -o template="{name} {partitions}\n"'
sh_prints $'name,partitions\norders,3' 'kt topics list orders -o csv --fields name,partitions'
sh_prints 3600000 'kt topics describe orders --configs --json | jq -r ".items[0].configs[] | select(.name == \"retention.ms\").value"'

# --- checks that a pipeline branches on
exits 0 kt topics check orders --partitions 3 --replication-factor 1 --healthy
exits 7 kt topics check orders --partitions 4
exits 7 kt topics check orders --expect retention.ms=1
exits 5 kt topics check nosuch --partitions 3

# --- every exit code
exits 0 kt --help
exits 0 kt --version
exits 2 kt
exits 2 kt topics --nosuch
exits 2 kt topics delete orders
exits 2 kt consume orders --from yesterday
exits 5 kt topics describe nosuch
exits 3 kt topics describe orders nosuch
exits 5 kt topics describe nosuch nowhere
exits 5 kt consume orders --from 99
exits 6 kt topics -b 127.0.0.1:1
exits 7 kt consume orders --expect 1
exits 1 kt topics alter orders --partitions 2 --yes

# --- records through pipes
sh_prints '' 'seq 1 1000 | kt produce orders -q'
sh_prints 1000 'kt consume orders | wc -l'
sh_prints 500500 'kt consume orders -o jsonl | jq -s "map(.value | tonumber) | add"'
sh_prints 10 'kt consume orders -c 10 | wc -l'
sh_prints $'0\n5' 'kt consume orders | head -n 5 > five; echo ${PIPESTATUS[0]}; wc -l < five'
sh_prints 1000 'kt consume orders -o jsonl | kt produce audit --jsonl -q && kt consume audit | wc -l'
sh_prints '' 'diff <(kt consume orders | sort) <(kt consume audit | sort)'
exits 0 kt consume orders --expect 1000
sh_prints '{"line":1,"topic":"orders","partition":0}' 'echo x | kt produce orders -p 0 -q -o jsonl | jq -c "{line,topic,partition}"'
exits 5 kt produce orders -p 7
sh_prints 3 'printf "{\"value\":\"a\"}\n{\"vlaue\":1}\n" | kt produce orders --jsonl -q 2>/dev/null; echo $?'

# --- changes, their plan and their way back
exits 0 kt topics alter orders --partitions 6 --yes
sh_prints 6 'kt topics list orders --json | jq .items[0].partitions'
exits 0 kt topics alter orders --set retention.ms=7200000 --yes
sh_prints 7200000 'kt configs describe topic/orders --json | jq -r ".items[0].configs[] | select(.name == \"retention.ms\").value"'
exits 0 kt undo --yes
sh_prints 3600000 'kt configs describe topic/orders --json | jq -r ".items[0].configs[] | select(.name == \"retention.ms\").value"'
exits 0 kt topics trim orders --before latest --yes
sh_prints 0 'kt consume orders | wc -l'
exits 2 kt topics delete -r 'or.*|au.*' --yes
exits 0 kt topics delete -r 'or.*|au.*' --yes --confirm 2
sh_prints '' 'kt topics -o name'

# --- help for hands that know Apache's tools
sh_prints 1 'kt topics --create --topic x 2>&1 | grep -c "kt topics create x"'

[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
echo "all passed"
