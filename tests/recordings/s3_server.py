"""A server that speaks like S3, in this process, which a test may stop and start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from tests.support import free_port

BUCKET = "talks"


class S3Server:
    """Listens on a free port of this computer. It keeps everything while it is stopped."""

    def __init__(self) -> None:
        self._port = free_port()
        self._server: ThreadedMotoServer | None = None
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self.url = f"s3://{BUCKET}/recordings"

    def start(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs every request
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def files(self) -> list[str]:
        """The keys of all files, in order, from the folder of recordings on."""
        found = self._client().list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return sorted(one["Key"].removeprefix("recordings/") for one in found)

    def reset(self) -> None:
        """Run, with an empty bucket and nothing else."""
        if self._server is None:
            self.start()
        get_backend("s3").reset()
        self._client().create_bucket(Bucket=BUCKET)

    def _client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1")


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server that runs, with an empty bucket, and the variables with which clients find it."""
    server = S3Server()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "not to be logged")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        try:
            server.reset()
            yield server
        finally:
            server.stop()
