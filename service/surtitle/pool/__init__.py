"""The connection to an inference pool: machines of the operator that run models for several services.

`surtitle.inference` is the other side.
"""
