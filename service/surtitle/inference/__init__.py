"""The pool's side: models that answer the requests of several services, as deployments of Ray Serve.

Only `app` needs Ray. A `Replica` is an ASGI application, which any server can run.
"""
