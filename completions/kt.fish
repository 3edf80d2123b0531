complete --keep-order --exclusive --command kt --arguments "(COMPLETE=fish kt -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
