"""Builds a broker image from the locked jars and the Java that runs them here, where Apache's cannot be pulled.

usage: python -m tests.deploy.broker_image [NAME:TAG]   (default tocsin-test/kafka:local), then
TOCSIN_KAFKA_IMAGE=NAME:TAG docker-compose up. TOCSIN_PYTHON_IMAGE names its base, as it does for the services' image.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tocsin.broker.jars import ensure_jars
from tocsin.broker.java import find_java

HERE = Path(__file__).resolve().parent / "broker"
NAME = "tocsin-test/kafka:local"


def build(name: str = NAME) -> str:
    """Builds it and answers its name; the docker command's own error where it cannot."""
    java, _ = find_java()
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copytree(HERE, context, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(java.resolve().parents[1], context / "jre")
        (context / "libs").mkdir()
        for jar in ensure_jars():
            shutil.copyfile(jar, context / "libs" / jar.name)
        base = os.environ.get("TOCSIN_PYTHON_IMAGE")
        args = ["--build-arg", f"PYTHON_IMAGE={base}"] if base else []
        subprocess.run(["docker", "build", "--quiet", *args, "-t", name, folder], check=True)
    return name


if __name__ == "__main__":
    sys.stdout.write(build(*sys.argv[1:2]) + "\n")
