"""What ``WACHTPOST_REDIS_URL`` may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.process.settings import ServiceSettings
from shared.redis.connection import redis_client
from shared.redis.url import ClusterUrl, address_of, cluster_of


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "rediss://desk@redis:6380/3", "unix:///run/redis"]
)
def test_a_single_server_is_no_cluster(url: str):
    assert cluster_of(url) is None


@pytest.mark.parametrize(
    ("url", "cluster"),
    [
        ("redis+cluster://redis", ClusterUrl("redis://redis:6379/0", ())),
        ("redis+cluster://desk@redis:7000/0", ClusterUrl("redis://desk@redis:7000/0", ())),
        ("redis+cluster://desk:s%40fe@a,b:7001", ClusterUrl("redis://desk:s%40fe@a:6379/0", (("b", 7001),))),
        (
            "rediss+cluster://desk@a:1,b:2,c/?ssl_ca_certs=/run/ca.pem",
            ClusterUrl("rediss://desk@a:1/0?ssl_ca_certs=/run/ca.pem", (("b", 2), ("c", 6379))),
        ),
        ("redis+cluster://[::1]:7000,[::2]", ClusterUrl("redis://[::1]:7000/0", (("::2", 6379),))),
    ],
)
def test_a_cluster_is_named_by_some_of_its_nodes(url: str, cluster: ClusterUrl):
    assert cluster_of(url) == cluster


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("http://desk:hush@redis", "redis://, rediss://, unix://, redis\\+cluster://, rediss\\+cluster://"),
        ("redis", "begin it with"),
        ("redis://desk:hush/@redis", "host:6379"),
        ("redis+cluster://desk:hush@", "host:6379"),
        ("redis+cluster://desk:hush@a,,b", "host:6379"),
        ("redis+cluster://desk:hush@a:port", "host:6379"),
        ("redis+cluster://desk:hush@a:6379/1", "no database but 0"),
        ("unix+cluster:///run/redis", "begin it with"),
    ],
)
def test_what_cannot_be_is_said_without_the_password(url: str, wrong: str):
    with pytest.raises(ValidationError, match=wrong) as caught:
        ServiceSettings.model_validate({"port": 0, "redis_url": url})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://127.0.0.1/0?nonsense=1", "redis+cluster://a,b/?nonsense=1"])
async def test_an_option_that_there_is_not_is_named(url: str):
    settings = ServiceSettings.model_validate({"port": 0, "redis_url": url})
    with pytest.raises(ValueError, match=r"WACHTPOST_REDIS_URL: there is no option 'nonsense'"):
        redis_client(settings)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://desk:hush@redis:6380/3", "redis:6380"),
        ("redis://redis", "redis:6379"),
        ("redis://", "localhost:6379"),
        ("rediss://[::1]/0?ssl_ca_certs=/run/ca.pem", "[::1]:6379"),
        ("unix://desk:hush@/run/redis.sock?db=1", "/run/redis.sock"),
        ("redis+cluster://desk:hush@a,b:7001/0", "a:6379, b:7001"),
    ],
)
def test_where_it_is_can_be_told_to_anybody(url: str, address: str):
    assert address_of(url) == address
