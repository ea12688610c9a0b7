"""Certificates made for the run, by openssl."""

import ssl
import subprocess
import uuid


class Certificate:
    """A certificate that nobody trusts but who is told to, for these names and addresses. Its own name is like no other's."""

    def __init__(self, folder, *names):
        self.file, self.key = folder / "certificate.pem", folder / "key.pem"
        alternatives = ",".join(f"{'IP' if name[-1].isdigit() else 'DNS'}:{name}" for name in names)
        command = (
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={uuid.uuid4()}", "-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", self.key, "-out", self.file,
        )  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)

    def server(self):
        """A context that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context

    def trusted(self):
        """A context that trusts it."""
        return ssl.create_default_context(cafile=self.file)
