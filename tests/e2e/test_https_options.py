# SPDX-License-Identifier: MIT
"""What users can set of TLS, against a server that is not ours."""
from __future__ import annotations

import contextlib
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL, Certificate, Pki
from test_https import LOAD, request_error
from tlsserver import OK, TlsServer, context_of, keep_answering, read_request

pytestmark = pytest.mark.skipif(not OPENSSL, reason="no openssl")

Rampa = Callable[..., Any]
Script = Callable[..., Path]


@contextlib.contextmanager
def openssl_server(*words: object) -> Iterator[str]:
    """openssl s_server, which answers every request with a page of its own."""
    command = ["openssl", "s_server", "-accept", "0", "-www", *map(str, words)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert run.stdout
    said = ""
    while not (found := re.search(r"ACCEPT .*:(\d+)", said)):
        line = run.stdout.readline()
        assert line, said
        said += line
    yield f"https://localhost:{found[1]}"
    run.kill()
    run.communicate()


def test_whom_to_trust(rampa: Rampa, pki: Pki, good: Certificate) -> None:
    nobody = {"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"}
    with TlsServer(keep_answering, good) as server:
        rampa("run", server.url, "-n", "1", "--cacert", pki.root.file, env=nobody, code=0)
        rampa("run", server.url, "-n", "1", "--insecure", env=nobody, code=0)
        done = rampa("run", server.url, "-n", "1", "--cacert", pki.stranger.file, out=True, code=1)
        assert request_error(done)["error_code"] == "1310"
        rampa("run", "/x", "--base-url", server.url, "-n", "1", env={**nobody, "RAMPA_INSECURE": "1"}, code=0)
    assert len(server.versions) == 3


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_certificate_of_the_client(rampa: Rampa, pki: Pki, good: Certificate, version: str) -> None:
    mine = pki.issue("client")
    context = context_of(good)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki.root.file)
    words = ["--cacert", pki.root.file, "--tls-max", version]
    both = pki.folder / "both.pem"
    both.write_text(mine.chain.read_text() + mine.key.read_text())
    with TlsServer(keep_answering, good, context) as server:
        rampa("run", server.url, "-n", "5", "-u", "1", *words, "--cert", mine.chain, "--key", mine.key, code=0)
        rampa("run", server.url, "-n", "5", "-u", "1", *words, "--cert", both, code=0)
        assert len(server.versions) == 2
        done = rampa("run", server.url, "--once", *words, out=True, code=1)
    if version == "1.3":  # the server refuses after the client has opened the connection
        assert request_error(done)["error_code"] == "1300"
        told = "! TLS error: the server sent alert 116 (certificate required): it wants a certificate of the client\n"
    else:
        assert request_error(done)["error_code"] == "1313"
        told = "! handshake failed: the server sent alert 40 (handshake failure)\n"
    assert told in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("words", "version", "cipher"),
    [
        (["--tls-max", "1.2"], "TLSv1.2", None),
        (["--tls-min", "1.3"], "TLSv1.3", None),
        (["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"], "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (["--ciphers", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (["--ciphers", "TLS_CHACHA20_POLY1305_SHA256"], "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"),
    ],
)
def test_versions_and_ciphers(
    rampa: Rampa, pki: Pki, good: Certificate, words: list[str], version: str, cipher: str | None
) -> None:
    seen: list[str] = []

    def serve(sock: ssl.SSLSocket) -> None:
        seen.append((sock.cipher() or ("",))[0])
        keep_answering(sock)

    with TlsServer(serve, good) as server:
        rampa("run", server.url, "-n", "2", "-u", "1", "--cacert", pki.root.file, *words, code=0)
    assert server.versions == [version] and (cipher is None or seen == [cipher])


def test_aes_128_is_offered_first(rampa: Rampa, pki: Pki, good: Certificate) -> None:
    context = context_of(good)
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE  # it takes what comes first, as nginx does
    seen: list[str] = []

    def serve(sock: ssl.SSLSocket) -> None:
        seen.append((sock.cipher() or ("",))[0])
        keep_answering(sock)

    with TlsServer(serve, good, context) as server:
        rampa("run", server.url, "--once", "--cacert", pki.root.file, code=0)
        rampa("run", server.url, "--once", "--cacert", pki.root.file, "--ciphers", "TLS_AES_256_GCM_SHA384", code=0)
    assert seen == ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]


def test_a_cipher_that_the_server_does_not_have(rampa: Rampa, pki: Pki, good: Certificate) -> None:
    words = ["--cacert", pki.root.file, "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256"]  # and its key is no RSA key
    with TlsServer(keep_answering, good) as server:
        done = rampa("run", server.url, "--once", *words, out=True, code=1)
    assert request_error(done)["error_code"] == "1313"
    assert "! handshake failed: the server sent alert 40 (handshake failure)\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cacert", "nowhere"], "the file of authorities nowhere cannot be used: No such file or directory\n"),
        (["--cacert", "empty"], "the file of authorities empty cannot be used: no certificate or crl found\n"),
        (["--cert", "nowhere"], "the certificate nowhere cannot be used: No such file or directory\n"),
        (["--cert", "empty"], "the file empty has no certificate in PEM\n"),
        (["--cert", "CHAIN"], "the file CHAIN has no private key in PEM\n"),
        (["--cert", "CHAIN", "--key", "CHAIN"], "the file CHAIN has no private key in PEM\n"),
        (["--cert", "CHAIN", "--key", "locked"], "the key locked cannot be used: "),
        (["--key", "empty"], "there is a key and no certificate\n"),
        (["--tls-min", "1.3", "--tls-max", "1.2"], "tls_max_version 1.2 is older than tls_min_version 1.3\n"),
        (["--ciphers", "NONE-SUCH"], "OpenSSL has not all of the ciphers 'NONE-SUCH'\n"),
        (["--tls-keylog", "nowhere/keys"], "the file for keys nowhere/keys cannot be written: "),
        (["--tls-keylog", "empty"], "the file for keys empty can be read by others\n"),
    ],
)
def test_settings_that_cannot_be_used(
    rampa: Rampa, tmp_path: Path, good: Certificate, words: list[str], message: str
) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "empty").chmod(0o644)
    subprocess.run(
        ["openssl", "pkey", "-in", good.key, "-aes256", "-passout", "pass:secret", "-out", tmp_path / "locked"], check=True
    )
    given = [str(good.chain) if word == "CHAIN" else word for word in words]
    done = rampa("run", "https://127.0.0.1:1/", "-n", "1", *given, code=3)
    assert message.replace("CHAIN", str(good.chain)) in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("good", None),
        ("none", "the server sends no OCSP response"),
        ("revoked", "the certificate has been revoked"),
        ("other", "the OCSP response is about another certificate"),
        ("stranger", "the OCSP response has no valid signature"),
    ],
)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_whether_a_certificate_is_revoked(
    rampa: Rampa, pki: Pki, tmp_path: Path, kind: str, told: str | None, version: str
) -> None:
    """openssl s_server staples what openssl ocsp has made."""
    shown, other = pki.issue(f"stapled-{kind}-{version}"), pki.issue(f"other-{kind}-{version}")
    if kind == "revoked":
        pki.revoke(shown)
    signer = pki.stranger if kind == "stranger" else pki.middle
    response = pki.ocsp(other if kind == "other" else shown, tmp_path / "ocsp.der", signer)
    staple = [] if kind == "none" else ["-status_file", response]
    with openssl_server("-cert", shown.file, "-cert_chain", shown.chain, "-key", shown.key, *staple) as url:
        words = [url, "--once", "--cacert", pki.root.file, "--cert-status", "--tls-max", version]
        done = rampa("run", *words, out=True, code=1 if told else 0)
    if told:
        assert request_error(done)["error_code"] == "1313" and f"! handshake failed: {told}\n" in done.stdout, done.stdout


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_resumed_connection_has_no_certificate_to_look_at(rampa: Rampa, pki: Pki, tmp_path: Path, version: str) -> None:
    shown = pki.issue(f"stapled-again-{version}")
    response = pki.ocsp(shown, tmp_path / "ocsp.der", pki.middle)
    words = ["-n", "3", "-u", "1", "--no-reuse", "--cacert", pki.root.file, "--cert-status", "--tls-max", version]
    with openssl_server("-cert", shown.file, "-cert_chain", shown.chain, "-key", shown.key, "-status_file", response) as url:
        done = rampa("run", url, *words, out=True, code=0)
    metrics = done.metrics()
    assert (metrics["tls_full_handshakes"]["count"], metrics["tls_resumed_handshakes"]["count"]) == (1, 2)


def test_keys_for_others(rampa: Rampa, pki: Pki, good: Certificate, tmp_path: Path) -> None:
    with TlsServer(keep_answering, good) as server:
        done = rampa("run", server.url, "-n", "1", "--cacert", pki.root.file, "--tls-keylog", "keys", code=0)
    assert "CLIENT_TRAFFIC_SECRET_0 " in (tmp_path / "keys").read_text()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    assert "whoever can read the file keys can read what this test sends" in done.stderr


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("words", [[], ["--no-tls-resumption"]])
def test_a_vu_resumes_its_sessions(
    rampa: Rampa, script: Script, pki: Pki, good: Certificate, version: str, words: list[str]
) -> None:
    """Each VU its own: the first connection of each has a full handshake, the others come back."""
    with TlsServer(keep_answering, good) as server:
        lines = '    await http.get(BASE, headers={"Connection": "close"})\n\n\n'
        script(LOAD.format(base=server.url, lines=lines))
        given = ["--cacert", pki.root.file, "--tls-max", version, *words]
        done = rampa("run", "script.py", "-n", "40", "-u", "4", *given, out=True, code=0)
    full, resumed = done.count("tls_full_handshakes"), done.count("tls_resumed_handshakes")
    assert full == server.resumed.count(False) and resumed == server.resumed.count(True) and full + resumed == 40
    vus = 40 if words else 4
    assert full == vus, (full, resumed)


def test_a_ticket_of_a_server_that_was_restarted(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    """Another key for tickets: a full handshake, and no error."""
    contexts = [context_of(good), context_of(good)]
    with TlsServer(keep_answering, good, contexts[0]) as server:
        lines = (
            "    for i in range(6):\n"
            "        if i == 3:\n"
            "            await http.get(BASE + '/restart')\n"
            '        await http.get(BASE, headers={"Connection": "close"})\n'
        )

        def serve(sock: ssl.SSLSocket) -> None:
            while request := read_request(sock):
                if request.startswith(b"GET /restart "):
                    server.context = contexts[1]
                sock.sendall(OK)

        server.serve = serve
        script(LOAD.format(base=server.url, lines=lines))
        done = rampa("run", "script.py", "--cacert", pki.root.file, out=True, code=0)
    assert server.resumed.count(False) == 2 and done.count("tls_full_handshakes") == 2
    assert done.metrics()["http_req_failed"]["rate"] == 0


def test_settings_of_a_script(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    with TlsServer(keep_answering, good) as server:
        lines = "    await http.get(BASE)\n\n\n"
        lines += f"config = rampa.Config(options=rampa.Options(tls_ca={str(pki.root.file)!r}, tls_max_version='tls1.2'))\n"
        script(LOAD.format(base=server.url, lines=lines))
        rampa("run", "script.py", code=0)
        script(LOAD.format(base=server.url, lines=lines.replace("tls_ca=", "tlsAuth=")))
        done = rampa("run", "script.py", code=3)
        assert "write tls_cert=FILE, tls_key=FILE" in done.stderr
    assert server.versions == ["TLSv1.2"]


def test_settings_of_a_request(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    """Each with connections of its own; a redirect keeps them."""
    mine = pki.issue("mine")
    context = context_of(good)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(pki.root.file)
    seen: list[tuple[str, bool]] = []

    def serve(sock: ssl.SSLSocket) -> None:
        while request := read_request(sock):
            path = request.split()[1].decode()
            seen.append((path, bool(sock.getpeercert())))
            sock.sendall(OK if path != "/from" else b"HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n")

    with TlsServer(serve, good, context) as server:
        lines = (
            "    import ssl\n"
            "    from rampa.errors import CertificateError\n"
            f"    root, chain, key = {str(pki.root.file)!r}, {str(mine.chain)!r}, {str(mine.key)!r}\n"
            "    for bad in ({}, {'verify': True}, {'ssl': True}, {'ssl': ssl.create_default_context()}):\n"
            "        try:\n"
            "            await http.get(BASE + '/no', **bad)\n"
            "        except CertificateError as error:\n"
            "            assert error.error_code == 1310\n"
            "        else:\n"
            "            raise AssertionError(bad)\n"
            "    unverified = ssl.create_default_context()\n"
            "    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE\n"
            "    for good in ({'verify': False}, {'ssl': False}, {'verify_ssl': False}, {'verify': root}, {'ssl': unverified},\n"
            "                 {'ssl_context': ssl.create_default_context(cafile=root)}):\n"
            "        assert (await http.get(BASE + '/yes', **good)).status == 200\n"
            "    await http.get(BASE + '/mine', verify=root, cert=(chain, key))\n"
            "    await http.get(BASE + '/from', verify=root, cert=(chain, key))\n"
            "    loaded = ssl.create_default_context(cafile=root)\n"
            "    loaded.load_cert_chain(chain, key)  # which nobody can read back, so that it is given once more\n"
            "    await http.get(BASE + '/context', ssl=loaded, cert=(chain, key))\n"
            "    for name in 'minimum_version', 'maximum_version':\n"
            "        limited = ssl.create_default_context(cafile=root)\n"
            "        setattr(limited, name, ssl.TLSVersion.TLSv1_3 if name[1] == 'i' else ssl.TLSVersion.TLSv1_2)\n"
            "        try:\n"
            "            await http.get(BASE + '/no', ssl=limited)\n"
            "        except TypeError as error:\n"
            "            print(error)\n"
            "    try:\n"
            "        await http.get(BASE + '/no', verify=root, cert=root)\n"
            "    except ValueError as error:\n"
            "        assert 'the file ' + root + ' has no private key in PEM' in str(error), error\n"
        )
        script(LOAD.format(base=server.url, lines=lines))
        env = {"SSL_CERT_DIR": "/nonexistent", "SSL_CERT_FILE": str(pki.stranger.file)}
        done = rampa("run", "script.py", "--quiet", env=env, code=0)
    assert seen == [("/yes", False)] * 6 + [("/mine", True), ("/from", True), ("/to", True), ("/context", True)]
    # verify=False, the file, the file that was made of a context, with a certificate, and with that of another context
    assert len(server.versions) == 5
    assert done.stdout.splitlines() == [
        "an ssl.SSLContext with minimum_version TLSv1_3 cannot be taken over: write Options(tls_min_version='1.3')",
        "an ssl.SSLContext with maximum_version TLSv1_2 cannot be taken over: write Options(tls_max_version='1.2')",
    ]
