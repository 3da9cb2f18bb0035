"""A run of several processes, on one machine or many: who is who, how they end together, and what starts them.

The processes are started by torchrun or by `accelerate launch` and talk through torch.distributed; there is no
scheduler and no protocol of our own.
"""
