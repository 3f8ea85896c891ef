"""The engines that are compared, one per file, behind the few verbs of `interface`."""
