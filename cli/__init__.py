"""The command line: `descr ...` is `descr.cli.main.run`."""
