/* SPDX-License-Identifier: MIT */

/* Made of examples/testservice.proto by protoc; a test compares them. */

#include "target/grpc_known.h"

struct rp_slice rp_target_test_descriptor(void)
{
    static const char bytes[] =
        "\012\021testservice.proto\022\014grpc.testing\"\007\012\005Empty\"!\012\011BoolValue\022"
        "\024\012\005value\030\001 \001(\010R\005value\"\035\012\007Payload\022\022\012\004body"
        "\030\002 \001(\014R\004body\":\012\012EchoStatus\022\022\012\004code\030\001 \001(\005R"
        "\004code\022\030\012\007message\030\002 \001(\011R\007message\"\270\002\012\015SimpleReq"
        "uest\022#\012\015response_size\030\002 \001(\005R\014responseSize\022/\012\007payload"
        "\030\003 \001(\0132\025.grpc.testing.PayloadR\007payload\022H\012\023response_compressed"
        "\030\006 \001(\0132\027.grpc.testing.BoolValueR\022responseCompressed\022A\012\017respon"
        "se_status\030\007 \001(\0132\030.grpc.testing.EchoStatusR\016responseStatus\022D\012\021"
        "expect_compressed\030\010 \001(\0132\027.grpc.testing.BoolValueR\020expectCompressed\"A"
        "\012\016SimpleResponse\022/\012\007payload\030\001 \001(\0132\025.grpc.testing.PayloadR"
        "\007payload\"\202\001\012\022ResponseParameters\022\022\012\004size\030\001 \001(\005R"
        "\004size\022\037\012\013interval_us\030\002 \001(\005R\012intervalUs\0227\012\012compres"
        "sed\030\003 \001(\0132\027.grpc.testing.BoolValueR\012compressed\"\343\001\012\032Stream"
        "ingOutputCallRequest\022Q\012\023response_parameters\030\002 \003(\0132 .grpc.testing.Re"
        "sponseParametersR\022responseParameters\022/\012\007payload\030\003 \001(\0132\025.grpc."
        "testing.PayloadR\007payload\022A\012\017response_status\030\007 \001(\0132\030.grpc.test"
        "ing.EchoStatusR\016responseStatus\"N\012\033StreamingOutputCallResponse\022/\012\007payl"
        "oad\030\001 \001(\0132\025.grpc.testing.PayloadR\007payload\"\222\001\012\031StreamingIn"
        "putCallRequest\022/\012\007payload\030\001 \001(\0132\025.grpc.testing.PayloadR\007paylo"
        "ad\022D\012\021expect_compressed\030\002 \001(\0132\027.grpc.testing.BoolValueR\020expec"
        "tCompressed\"T\012\032StreamingInputCallResponse\0226\012\027aggregated_payload_size\030"
        "\001 \001(\005R\025aggregatedPayloadSize2\217\004\012\013TestService\0225\012\011EmptyCa"
        "ll\022\023.grpc.testing.Empty\032\023.grpc.testing.Empty\022F\012\011UnaryCall\022\033.g"
        "rpc.testing.SimpleRequest\032\034.grpc.testing.SimpleResponse\022l\012\023StreamingOutpu"
        "tCall\022(.grpc.testing.StreamingOutputCallRequest\032).grpc.testing.StreamingOutputCall"
        "Response0\001\022i\012\022StreamingInputCall\022'.grpc.testing.StreamingInputCallRequest"
        "\032(.grpc.testing.StreamingInputCallResponse(\001\022i\012\016FullDuplexCall\022(.grpc."
        "testing.StreamingOutputCallRequest\032).grpc.testing.StreamingOutputCallResponse(\0010"
        "\001\022=\012\021UnimplementedCall\022\023.grpc.testing.Empty\032\023.grpc.testing.Empty"
        "b\006proto3";

    return rp_slice(bytes, sizeof(bytes) - 1);
}
