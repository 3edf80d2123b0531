def "nu-complete kt" [context: string, position: int] {
    let words = ($context | str substring 0..<$position | split row --regex '\s+')
    with-env { COMPLETE: "nushell" } { ^kt -- ...$words }
    | lines
    | each {|line|
        let parts = ($line | split row --number 2 "\t")
        { value: $parts.0, description: ($parts | get --optional 1 | default "") }
    }
}

export extern "kt" [...words: string@"nu-complete kt"]
