"""The `minidb` command: the shell and the subcommands, one file each. `main` is where it begins."""
