"""gRPC: the server with its interceptors in one order, channels to peers, paging."""

from ioc_kit.rpc.client import PeerChannel, error_from_call
from ioc_kit.rpc.paging import Page, decode_page_token, encode_page_token
from ioc_kit.rpc.server import RpcServer, current_caller

__all__ = [
    "Page",
    "PeerChannel",
    "RpcServer",
    "current_caller",
    "decode_page_token",
    "encode_page_token",
    "error_from_call",
]
