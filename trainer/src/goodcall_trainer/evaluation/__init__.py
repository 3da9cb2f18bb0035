"""`goodcall-train evaluate`: a policy on benchmarks, its answers judged by the service.

What is asked comes from `bfcl` and `apibank`, who answers from `checkpoint`, `vllm_engine` or `endpoint`; every answer
is kept as it comes (`answers`), judged at the end (`judging`), and summed up (`scores`, `result`, `table`).
"""
