"""Receipts come from public hosts over https, or from Pleo's own host, and from nowhere else."""

from __future__ import annotations

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.receipts import ReceiptNotAllowed
from counterfoil.receipts.places import Places, is_public

PLEO = "https://external.pleo.io"
LOCAL = "http://127.0.0.1:8700"


def allowed(url: str, base_url: str = PLEO, hosts: tuple[str, ...] = ()) -> bool:
    try:
        Places(base_url, hosts).check_url(httpx.URL(url))
    except ReceiptNotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    "url",
    [
        "https://files.pleo.io/a?signature=1",
        "https://bucket.s3.eu-west-1.amazonaws.com:8443/a",
        "https://external.pleo.io/a",
        "https://EXTERNAL.pleo.io./a",
        "https://8.8.8.8/a",
    ],
)
def test_https_may_go_anywhere_public(url: str) -> None:
    assert allowed(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://files.pleo.io/a",
        "http://external.pleo.io/a",
        "http://127.0.0.1/a",
        "ftp://files.pleo.io/a",
        "file:///etc/passwd",
        "data:application/pdf,x",
        "gopher://files.pleo.io/",
        "https://user@files.pleo.io/a",
        "https://user:pass@files.pleo.io/a",
        "https://files.pleo.io:0/a",
        "https://files.pleo.io:99999/a",
        "https:///a",
        "/a",
        "",
    ],
)
def test_nothing_else_may(url: str) -> None:
    assert not allowed(url)


def test_a_local_pleo_may_have_its_receipts_on_any_port_of_its_host() -> None:
    assert allowed("http://127.0.0.1:9999/a", LOCAL)
    assert allowed("http://localhost:9999/a", LOCAL)
    assert allowed("http://[::1]:9999/a", LOCAL)
    assert not allowed("http://192.168.0.7:8700/a", LOCAL)
    assert not allowed("http://example.com/a", LOCAL)


def test_a_pleo_on_https_has_no_receipts_on_http() -> None:
    assert not allowed("http://pleo.internal/a", "https://pleo.internal")
    assert allowed("https://pleo.internal:8443/a", "https://pleo.internal")


def test_configured_hosts_restrict_further_but_never_pleos_own() -> None:
    hosts = ("files.pleo.io", "*.amazonaws.com")
    assert allowed("https://files.pleo.io/a", PLEO, hosts)
    assert allowed("https://bucket.S3.amazonaws.com/a", PLEO, hosts)
    assert allowed("https://external.pleo.io/a", PLEO, hosts)
    assert not allowed("https://amazonaws.com/a", PLEO, hosts)
    assert not allowed("https://evilamazonaws.com/a", PLEO, hosts)
    assert not allowed("https://files.pleo.io.evil.com/a", PLEO, hosts)


NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, not to listen on
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:a00:1::",
    "2001:0:808:808:0:0:f5ff:fffe",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "not an address",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_within_another_counts_as_itself(address: ipaddress.IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(f"64:ff9b::{address}") == is_public(str(address))
    six = ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80)
    assert is_public(str(six)) == is_public(str(address))


@pytest.mark.parametrize("address", NOT_PUBLIC[:-1])
def test_a_name_for_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(ReceiptNotAllowed, match="not public"):
        Places(PLEO).check_address("files.pleo.io", address)


def test_pleos_own_host_may_be_private_where_it_is_so_configured() -> None:
    Places("https://pleo.internal").check_address("pleo.internal", "10.0.0.1")
    with pytest.raises(ReceiptNotAllowed):
        Places("https://pleo.internal").check_address("erp.internal", "10.0.0.1")
