# SPDX-License-Identifier: MIT
"""worker.grpc: arguments that cannot be, which are told at the call."""
from __future__ import annotations

from grpc_world import Rampa, Script, run

MISTAKES = [
    ("g.unary('a:1', 'NoSlash', b'')", "'/NoSlash' is no method of gRPC (write it as \"/package.Service/Method\")"),
    ("g.unary('a:1', '/a.B/C', 'text')", "a request of gRPC is bytes, or a message of Protocol Buffers, not str"),
    ("g.unary('a:1', '/a.B/C', {'a': 1})", "a request of gRPC is bytes, or a message of Protocol Buffers, not dict"),
    ("g.unary('a:1/x', '/a.B/C', b'')", "target: 'a:1/x' is no host:port; the method is given with each call"),
    ("g.unary('grpc://u:s3cret@a:1/x', '/a.B/C', b'')", "target: 'grpc://a:1/x' is no host:port"),
    ("g.connect('http://u:s3cret@a:1', tls=True)", "target: 'http://a:1' says no TLS"),
    ("g.unary('ftp://a:1', '/a.B/C', b'')", "target: the scheme 'ftp' is not one of gRPC"),
    ("g.connect('http://a:1', tls=True)", "target: 'http://a:1' says no TLS, and tls=True the contrary"),
    ("g.unary('a:1', '/a.B/C', b'', {'A B': 'c'})", "metadata: 'A B' is no name"),
    ("g.unary('a:1', '/a.B/C', b'', {'grpc-timeout': '1S'})", "metadata: gRPC has the name 'grpc-timeout' for itself"),
    ("g.unary('a:1', '/a.B/C', b'', {'x-bin': 'text'})", "metadata: 'x-bin' ends in -bin and takes bytes, not str"),
    ("g.unary('a:1', '/a.B/C', b'', {'x': 'a\\n'})", "metadata: 'x' takes printable ASCII"),
    ("g.unary('a:1', '/a.B/C', b'', deadline=0)", "deadline takes more than 0 seconds"),
    ("g.unary('a:1', '/a.B/C', b'', response=3)", "response= takes the class of a message of Protocol Buffers, not 3"),
    ("g.connect('a:1', compression='br')", "compression takes 'gzip' or None, not 'br'"),
    ("g.connect('a:1', balance='random')", "balance takes 'round_robin' or None, not 'random'"),
    ("g.connect('a:1', keepalive=0)", "keepalive takes more than 0 seconds, or None for none, not 0"),
    ("g.connect('a:1', keepalive_timeout=5)", "keepalive_timeout says how long the answer to a PING is waited for, and keepalive= when one is sent: give both"),
    ("g.connect('a:1', keepalive=1, keepalive_timeout='1s')", "keepalive_timeout takes a number of seconds, or None, not '1s'"),
    ("g.connect('a:1', keepalive=1, keepalive_timeout=0)", "keepalive_timeout takes more than 0 seconds"),
    ("g.connect('a:1', keepalive=1, keepalive_timeout=-1)", "keepalive_timeout takes more than 0 seconds"),
    ("g.connect('a:0')", "target: the port of 'a:0' must be a number from 1 to 65535, not '0'"),
    ("g.connect('grpc://u:s3cret@a:99999')", "target: the port of 'grpc://a:99999' must be a number from 1 to 65535, not '99999'"),
    ("g.connect('a:')", "target: the port of 'a:' must be a number from 1 to 65535, not ''"),
    ("g.connect('::1:50051')", "target: an address of IPv6 stands in brackets, as in '[::1]:50051'"),
    ("g.connect('ipv4:127.0.0.1:1,127.0.0.2:1')", "names several addresses; give one, or a name that has them all"),
    ("g.connect('dns://8.8.8.8/a:1')", "target: 'dns://8.8.8.8/a:1' names a server of DNS; write 'dns:///host:port', or host:port"),
    ("g.connect('a:1', tls='yes')", "tls takes True or False, not 'yes'"),
    ("g.connect('a:1', shared='no')", "shared takes True or False, not 'no'"),
    ("g.connect('a:1', reflection='x')", "reflection takes True or False, not 'x'"),
    ("g.connect('a:1', tsl=True)", "GrpcClient.connect() got an unexpected keyword argument 'tsl' (did you mean 'tls'?)"),
    ("g.connect('a:1', secure=True)", "GrpcClient.connect() got an unexpected keyword argument 'secure' (did you mean 'tls'?)"),
    ("g.connect('a:1', zzz=True)", "unexpected keyword argument 'zzz' (there are: target, tls, metadata, deadline, "),
    ("g.unary('a:1', '/a.B/C', b'', timeout=1)", "GrpcClient.unary() got an unexpected keyword argument 'timeout' (did you mean 'deadline'?)"),
    ("g.server_stream('a:1', '/a.B/C', b'', metdata={})", "GrpcClient.server_stream() got an unexpected keyword argument 'metdata' (did you mean 'metadata'?)"),
    ("c.unary('/a.B/C', b'', timeout=1)", "GrpcChannel.unary() got an unexpected keyword argument 'timeout' (did you mean 'deadline'?)"),
    ("c.server_stream('/a.B/C', b'', headers=1)", "GrpcChannel.server_stream() got an unexpected keyword argument 'headers' (did you mean 'metadata'?)"),
    ("c.client_stream('/a.B/C', [], tag=1)", "GrpcChannel.client_stream() got an unexpected keyword argument 'tag' (did you mean 'tags'?)"),
    ("c.bidi('/a.B/C', metdata=1)", "GrpcChannel.bidi() got an unexpected keyword argument 'metdata' (did you mean 'metadata'?)"),
    ("c.unary('/a.B/C', b'', metadata='x')", "metadata takes a dict, or a list of pairs (name, value), not 'x'"),
    ("c.unary('/a.B/C', b'', metadata=3)", "metadata takes a dict, or a list of pairs (name, value), not 3"),
    ("c.unary('/a.B/C', b'', metadata=[('a', 'b', 'c')])", "metadata takes a dict, or a list of pairs (name, value); ('a', 'b', 'c') is no pair"),
    ("c.unary('/a.B/C', b'', metadata=['ab'])", "metadata takes a dict, or a list of pairs (name, value); 'ab' is no pair"),
    ("c.client_stream('/a.B/C', {'n': 1})", "requests takes a list or another iterable of messages; a single one goes in a list, not dict"),
    ("c.client_stream('/a.B/C', 3)", "requests takes a list or another iterable of messages, not int"),
    ("c.stub(None)", "stub() takes the class of a generated stub, such as helloworld_pb2_grpc.GreeterStub, not None"),
    ("g.stub('a:1', int)", "stub() takes the class of a generated stub, such as helloworld_pb2_grpc.GreeterStub, not 'a:1'"),
    ("g.connect('a:1', max_message_size=0)", "max_message_size takes a number of bytes"),
]


def test_mistakes(rampa: Rampa, script: Script) -> None:
    calls = ", ".join(f"lambda: {call}" for call, _ in MISTAKES)
    _, lines = run(
        rampa,
        script,
        f"""
g, c = worker.grpc, worker.grpc.connect("a:1")
for call in [{calls}]:
    try:
        call()
    except (ValueError, TypeError) as error:
        print(json.dumps([str(error)]))
    else:
        print(json.dumps([None]))
""",
    )
    for (call, text), [said] in zip(MISTAKES, lines, strict=True):
        assert said and text in said and "s3cret" not in said, (call, said)
