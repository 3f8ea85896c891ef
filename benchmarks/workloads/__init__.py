"""What is measured: each workload is written once, over the verbs of `benchmarks.engines.interface`."""
