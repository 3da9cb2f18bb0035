"""How much of the service a training run needs, and what a cluster's autoscaler makes of its load.

Arithmetic and a simulation, of measured costs; nothing here talks to a service or a cluster.
"""
