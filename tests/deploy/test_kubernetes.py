"""The Kubernetes manifests: valid, of a piece with each other and with the services, and hardened."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from services.evaluator.settings import EvaluatorSettings
from services.ingest.http import EVENTS_PATH
from services.ingest.settings import IngestSettings
from services.notifier.api.http import PATHS as NOTIFIER_PATHS
from services.notifier.settings import NotifierSettings
from services.reporter.settings import ReporterSettings
from shared.config.model import CityFile, load
from shared.process.settings import ServiceSettings
from shared.redis.url import cluster_of
from tests.deploy.kustomization import (
    Manifest,
    at,
    containers,
    documents,
    fits,
    listed,
    named,
    pod_of,
    rendered,
    text,
    texts,
)
from tests.support.eventually import WITHIN

ROOT: Final = Path(__file__).resolve().parents[2]
KUBERNETES: Final = ROOT / "deploy/kubernetes"
REGION: Final = KUBERNETES / "overlays/region"
OLDEST: Final = "1.30"
"""Before it, ``lifecycle.preStop.sleep`` was not on by default."""

ALONE: Final = {"Deployment/ingest-queue-log", "Deployment/reporter"}
"""A file has one reader; a report that is made a few minutes later is as good."""

SETTINGS: Final[dict[str, type[ServiceSettings]]] = {
    "ingest": IngestSettings,
    "evaluator": EvaluatorSettings,
    "notifier": NotifierSettings,
    "reporter": ReporterSettings,
}


@cache
def everything() -> Sequence[Manifest]:
    """What the example of an installation brings, and the reader of a queue_log."""
    return [*rendered(REGION), *rendered(KUBERNETES / "queue-log")]


def test_the_example_runs_this_release() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    (kustomization,) = documents(REGION / "kustomization.yaml")
    assert [text(one, "newTag") for one in listed(kustomization, "images")] == [version]


def of_kind(*kinds: str) -> list[Manifest]:
    return [one for one in everything() if one["kind"] in kinds]


def workloads() -> list[Manifest]:
    return of_kind("Deployment", "StatefulSet", "Job")


def services() -> list[Manifest]:
    """The Deployments that run our image."""
    return [one for one in of_kind("Deployment") if image(next(containers(one)))[0] == "wachtpost"]


def labels(workload: Manifest) -> Manifest:
    return at(pod_of(workload), "metadata", "labels")


def image(container: Manifest) -> tuple[str, str]:
    """Name and tag."""
    name, _, tag = text(container, "image").partition(":")
    return name, tag


def environment(container: Manifest) -> dict[str, str]:
    return {text(one, "name"): text(one, "value") for one in listed(container, "env") if "value" in one}


def settings(workload: Manifest) -> ServiceSettings:
    """What the service reads from its environment; files of the image's own paths."""
    (container,) = containers(workload)
    (room,) = texts(container, "args")
    variables = environment(container)
    given = {name.removeprefix("WACHTPOST_").lower(): value for name, value in variables.items()}
    assert set(given) <= set(SETTINGS[room].model_fields), f"{named(workload)} sets what {room} does not read"
    return SETTINGS[room].model_validate(given)


def ports(workload: Manifest) -> dict[str, int]:
    """Of all containers of the pod: number by name."""
    found = (port for container in containers(workload) for port in listed(container, "ports"))
    return {text(port, "name"): int(text(port, "containerPort")) for port in found}


def city() -> CityFile:
    return load(REGION / "city.toml")


# Valid -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_every_manifest_is_valid(version: str):
    for manifest in everything():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_field_would_be_found():
    (service, *_) = of_kind("Service")
    misspelt = {**service, "spec": {**at(service, "spec"), "clusterIp": "None"}}
    with pytest.raises(kubernetes_validate.ValidationError, match="clusterIp"):
        kubernetes_validate.validate(misspelt, OLDEST, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", ["overlays/region", "queue-log"])
def test_kustomize_itself_says_the_same(folder: str):
    command = ["kubectl", "kustomize", str(KUBERNETES / folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stderr
    theirs = list(yaml.safe_load_all(done.stdout))
    for manifest in theirs:
        kubernetes_validate.validate(manifest, OLDEST, strict=True)
    unhashed = [re.sub(r"(ConfigMap/.*)-\w{10}$", r"\1", named(one)) for one in theirs]
    assert Counter(unhashed) == Counter(named(one) for one in rendered(KUBERNETES / folder))


def test_every_file_belongs_to_a_kustomization():
    listed_somewhere: set[Path] = set()
    for kustomization in KUBERNETES.rglob("kustomization.yaml"):
        (content,) = documents(kustomization)
        names = [*texts(content, "resources")]
        for generator in listed(content, "configMapGenerator"):
            names += texts(generator, "files")
        listed_somewhere |= {(kustomization.parent / name).resolve() for name in names}
    there = {path for path in KUBERNETES.rglob("*") if path.suffix in {".yaml", ".toml", ".conf", ".sh"}}
    assert {path for path in there if path.name != "kustomization.yaml"} <= listed_somewhere


# Of a piece ------------------------------------------------------------------------------------------


def test_names_are_unique():
    assert [name for name, times in Counter(map(named, everything())).items() if times > 1] == []


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_workloads_select_their_own_pods_and_nobody_elses(kind: str):
    for workload in of_kind(kind):
        selector = at(workload, "spec", "selector")
        assert [named(other) for other in workloads() if fits(selector, labels(other))] == [named(workload)]


def test_every_partition_has_exactly_one_pair_of_evaluators():
    owned: list[int] = []
    for workload in services():
        told = settings(workload)
        if isinstance(told, EvaluatorSettings):
            assert at(workload, "spec")["replicas"] == 2, "an owner and a hot standby"
            assert told.partitions, "an empty list is all of them"
            owned += told.partition_numbers(city().pipeline.partitions)
    assert sorted(owned) == list(range(city().pipeline.partitions))


def test_every_partition_of_the_example_has_a_site():
    partitions = city().pipeline.partitions
    assert all(city().partition_sites(number) for number in range(partitions))


@pytest.mark.parametrize("replicas", [1, 2])
def test_only_a_queue_log_and_the_reporter_are_alone(replicas: int):
    found = {named(one) for one in services() if at(one, "spec")["replicas"] == replicas}
    assert (found == ALONE) is (replicas == 1)
    alone = next(one for one in services() if named(one) == "Deployment/ingest-queue-log")
    assert at(alone, "spec", "strategy") == {"type": "Recreate"}, "also while it is replaced"


def test_services_listen_where_their_ports_and_probes_say():
    for workload in services():
        told = settings(workload)
        assert told.host == "0.0.0.0"
        assert ports(workload) == {"http": told.port}
        (container,) = containers(workload)
        assert text(container, "readinessProbe", "httpGet", "path") == "/health"
        for probe in ("startupProbe", "livenessProbe"):
            assert text(container, probe, "httpGet", "path") == "/metrics", (
                "Redis away is no reason to restart"
            )
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert text(container, probe, "httpGet", "port") == "http"


def test_a_service_is_not_given_up_while_it_waits_for_redis():
    for workload in services():
        (container,) = containers(workload)
        probe = at(container, "startupProbe")
        patience = int(text(probe, "periodSeconds")) * int(text(probe, "failureThreshold"))
        told = settings(workload)
        assert isinstance(told, IngestSettings | EvaluatorSettings | NotifierSettings | ReporterSettings)
        assert told.redis_wait.total_seconds() < patience


def test_services_come_to_redis_as_their_own_user_at_a_name_that_there_is():
    (redis,) = (one for one in of_kind("Service") if text(one, "metadata", "name") == "redis")
    port = listed(redis, "spec", "ports")[0]["port"]
    for workload in services():
        (container,) = containers(workload)
        (room,) = texts(container, "args")
        cluster = cluster_of(settings(workload).redis_url.get_secret_value())
        assert cluster is not None
        assert cluster.url == f"redis://{room}@redis:{port}/0"
        assert settings(workload).redis_password_file == Path(f"/run/secrets/wachtpost/redis_{room}")


def test_kubernetes_services_reach_pods_at_ports_that_they_have():
    for service in of_kind("Service"):
        chosen = [one for one in workloads() if fits(at(service, "spec", "selector"), labels(one))]
        assert chosen, named(service)
        for workload in chosen:
            for port in listed(service, "spec", "ports"):
                assert text(port, "targetPort") in ports(workload)
                assert port["port"] == ports(workload)[text(port, "targetPort")]


def test_the_ingress_shows_the_doors_that_are_for_others_and_no_more():
    (ingress,) = of_kind("Ingress")
    shown: dict[str, set[str]] = {}
    by_name = {text(one, "metadata", "name"): one for one in of_kind("Service")}
    for rule in listed(ingress, "spec", "rules"):
        for path in listed(rule, "http", "paths"):
            assert path["pathType"] == "Exact"
            target = at(path, "backend", "service")
            offered = {text(port, "name") for port in listed(by_name[text(target, "name")], "spec", "ports")}
            assert text(target, "port", "name") in offered
            shown.setdefault(text(target, "name"), set()).add(text(path, "path"))
    assert shown == {"ingest": {EVENTS_PATH}, "notifier": set(NOTIFIER_PATHS) - {"/openapi.json"}}


def test_a_budget_guards_every_pod_that_matters_and_allows_one_to_go():
    guarded: list[str] = []
    for budget in of_kind("PodDisruptionBudget"):
        assert at(budget, "spec")["maxUnavailable"] == 1
        chosen = [one for one in workloads() if fits(at(budget, "spec", "selector"), labels(one))]
        assert sum(int(text(one, "spec", "replicas")) for one in chosen) > 1, (
            f"{named(budget)}: nobody could go"
        )
        guarded += [named(one) for one in chosen]
    running = {named(one) for one in of_kind("Deployment", "StatefulSet")} - ALONE
    assert sorted(guarded) == sorted(running)


def test_the_shards_differ_in_nothing_but_their_number():
    shards = [(KUBERNETES / f"redis-cluster/shard-{n}.yaml").read_text(encoding="utf-8") for n in range(3)]
    same = {re.sub(rf"(?i)(shard:? \"?|name: redis-){n}\b", r"\1N", shard) for n, shard in enumerate(shards)}
    assert len(same) == 1


def test_all_nodes_of_redis_are_named_to_each_other_and_to_the_job_that_joins_them():
    (job,) = of_kind("Job")
    pods = {
        f"{text(one, 'metadata', 'name')}-{n}.{text(one, 'spec', 'serviceName')}"
        for one in of_kind("StatefulSet")
        for n in range(int(text(one, "spec", "replicas")))
    }
    (create,) = containers(job)
    shards = [shard.split(",") for shard in environment(create)["SHARDS"].split()]
    assert {node for shard in shards for node in shard} == {f"{pod}:6379" for pod in pods}
    for master, replica in shards:
        assert master.partition(".")[0][:-1] == replica.partition(".")[0][:-1], (
            "of one StatefulSet, hence apart"
        )
    for workload in of_kind("StatefulSet"):
        redis, _ = containers(workload)
        assert set(environment(redis)["PEERS"].split()) == pods


def test_redis_is_set_up_as_in_compose_but_for_what_a_cluster_needs():
    def directives(path: Path) -> set[str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {line for line in lines if line and not line.startswith("#")}

    alone, cluster = (
        directives(ROOT / "deploy/redis/redis.conf"),
        directives(KUBERNETES / "redis-cluster/redis.conf"),
    )
    assert alone - cluster == {"aclfile /run/secrets/users.acl"}
    more = cluster - alone - {"aclfile /run/secrets/redis/users.acl"}
    assert all(line.startswith(("cluster-", "min-replicas-", "repl-")) for line in more)


def test_the_nodes_may_do_among_themselves_what_is_in_the_template():
    lines = (KUBERNETES / "redis-cluster/cluster-user.acl.template").read_text(encoding="utf-8").splitlines()
    (rule,) = (line for line in lines if not line.startswith("#"))
    assert "#@CLUSTER_SHA256@" in rule
    assert "-@all" in rule
    assert "+@all" not in rule
    assert "~" not in rule, "no keys: replication needs none"


# Names that things are known by elsewhere ------------------------------------------------------------


def references(workload: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the kind and name of what a pod mounts or takes its environment from."""
    spec = at(pod_of(workload), "spec")
    for volume in listed(spec, "volumes"):
        if "configMap" in volume:
            yield "ConfigMap", text(volume, "configMap", "name")
        if "secret" in volume:
            yield "Secret", text(volume, "secret", "secretName")
    for container in containers(workload):
        for one in listed(container, "env"):
            if at(one, "valueFrom", "secretKeyRef"):
                yield "Secret", text(one, "valueFrom", "secretKeyRef", "name")


def test_mounts_lead_to_volumes_and_volumes_to_what_is_there_or_described():
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    maps = {text(one, "metadata", "name") for one in of_kind("ConfigMap")}
    for workload in workloads():
        spec = at(pod_of(workload), "spec")
        volumes = {text(one, "name") for one in listed(spec, "volumes")}
        volumes |= {text(one, "metadata", "name") for one in listed(workload, "spec", "volumeClaimTemplates")}
        mounted = {text(one, "name") for c in containers(workload) for one in listed(c, "volumeMounts")}
        assert mounted == volumes, named(workload)
        for kind, name in references(workload):
            if kind == "ConfigMap":
                assert name in maps
            else:
                assert f"create secret generic {name} " in readme, f"README.md does not make {name}"


def test_a_service_account_that_there_is_and_that_may_nothing():
    accounts = {text(one, "metadata", "name"): one for one in of_kind("ServiceAccount")}
    assert all(one["automountServiceAccountToken"] is False for one in accounts.values())
    for workload in workloads():
        spec = at(pod_of(workload), "spec")
        assert spec["automountServiceAccountToken"] is False
        assert spec.get("serviceAccountName", "default") in {*accounts, "default"}
    assert of_kind("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding") == []


def test_the_city_file_lies_where_the_services_look():
    for workload in services():
        (container,) = containers(workload)
        (mount,) = (one for one in listed(container, "volumeMounts") if one["name"] == "city")
        assert settings(workload).city_file == Path(text(mount, "mountPath"), "city.toml")
    needed = {"city.toml", *map(str, city().history.files)}
    (content,) = (one for one in of_kind("ConfigMap") if text(one, "metadata", "name") == "wachtpost-city")
    assert needed <= at(content, "data").keys()


# Hardened --------------------------------------------------------------------------------------------


def test_every_container_is_confined():
    for workload in workloads():
        pod = at(pod_of(workload), "spec", "securityContext")
        assert pod["runAsNonRoot"] is True
        assert int(text(pod, "runAsUser")) > 0
        assert at(pod, "seccompProfile") == {"type": "RuntimeDefault"}
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            assert name not in at(pod_of(workload), "spec")
        for container in containers(workload):
            confined = at(container, "securityContext")
            assert confined == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            resources = at(container, "resources")
            assert at(resources, "requests").keys() == {"cpu", "memory"}
            assert "memory" in at(resources, "limits")


def test_our_services_run_as_the_user_of_our_image():
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    for workload in services():
        pod = at(pod_of(workload), "spec", "securityContext")
        assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in dockerfile


def test_images_are_pinned_and_name_no_registry():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for container in (container for workload in workloads() for container in containers(workload)):
        name, tag = image(container)
        assert "." not in name.partition("/")[0], "a registry"
        assert tag not in {"", "latest"}
        if name == "wachtpost":
            assert tag in {version, "dev"}
        else:
            assert f"image: {name}:{tag}\n" in compose, "the same as in compose"


def test_nothing_is_reachable_that_no_policy_names():
    policies = of_kind("NetworkPolicy")
    (shut,) = (
        one for one in policies if at(one, "spec")["podSelector"] == {} and "egress" not in at(one, "spec")
    )
    assert at(shut, "spec")["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in at(shut, "spec")
    for policy in policies:
        chosen = [one for one in workloads() if fits(at(policy, "spec", "podSelector"), labels(one))]
        assert chosen, f"{named(policy)} is about nobody"
        for rule in listed(policy, "spec", "ingress"):
            assert listed(rule, "from"), f"{named(policy)} lets everybody in"
            for port in listed(rule, "ports"):
                assert any(text(port, "port") in ports(one) for one in chosen)
        for rule in listed(policy, "spec", "egress"):
            assert listed(rule, "ports"), f"{named(policy)} lets out everywhere"


def test_a_service_has_the_secrets_that_it_reads():
    """The files that its settings name: made by the script, and put into its Secret as README.md says."""
    script = (ROOT / "deploy/secrets.sh").read_text(encoding="utf-8")
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8").replace("\\\n", "")
    for workload in services():
        (container,) = containers(workload)
        (room,) = texts(container, "args")
        (command,) = re.findall(rf"create secret generic wachtpost-{room} (.*)", readme)
        for value in environment(container).values():
            for file in re.findall(r"^/run/secrets/wachtpost/(\w+)$", value):
                assert f"--from-file=secrets/{file}" in command.split(), f"{named(workload)}: {file}"
                assert re.search(rf"\b{file.removeprefix('redis_')}\b", script), file
    (reader,) = (one for one in services() if named(one) == "Deployment/ingest-queue-log")
    (door,) = (one for one in services() if named(one) == "Deployment/ingest")
    keys = [environment(next(containers(one)))["WACHTPOST_PSEUDONYM_KEY_FILE"] for one in (reader, door)]
    assert len(set(keys)) == 1


def test_no_secret_is_in_the_manifests():
    assert of_kind("Secret") == []
    for path in KUBERNETES.rglob("*"):
        if path.is_file():
            found = set(re.findall(r"\b[0-9a-f]{64}\b", path.read_text(encoding="utf-8")))
            assert found <= {"0" * 64}, path.name
    for container in (container for workload in workloads() for container in containers(workload)):
        for name, value in environment(container).items():
            assert name.endswith("_FILE") or not re.search("PASSWORD|KEY|TOKEN|SECRET", name), name
            assert not re.search(r"://[^@/]*:[^@/]*@", value), "a password in a URL"


# Prometheus ------------------------------------------------------------------------------------------


def scrape_config() -> Manifest:
    (content,) = documents(KUBERNETES / "prometheus-scrape.yml")
    (job,) = listed(content, "scrape_configs")
    return job


def test_prometheus_finds_one_port_of_every_pod_and_calls_the_jobs_as_the_rules_do():
    port_name = ["__meta_kubernetes_pod_container_port_name"]
    rules = listed(scrape_config(), "relabel_configs")
    (rule,) = (one for one in rules if one.get("source_labels") == port_name)
    names = text(rule, "regex").split("|")
    for workload in of_kind("Deployment", "StatefulSet"):
        annotations = at(pod_of(workload), "metadata", "annotations")
        (number,) = (number for name, number in ports(workload).items() if name in names)
        assert annotations == {"prometheus.io/scrape": "true", "prometheus.io/port": str(number)}
    jobs = {labels(one)["app.kubernetes.io/component"] for one in of_kind("Deployment", "StatefulSet")}
    (compose,) = documents(ROOT / "deploy/prometheus/prometheus.yml")
    assert jobs <= {text(one, "job_name") for one in listed(compose, "scrape_configs")}


def relabelled(rules: Sequence[Manifest], labels: Mapping[str, str]) -> Mapping[str, str]:
    """What Prometheus makes of a series; of all actions, only "replace"."""
    for rule in rules:
        assert "action" not in rule
        joined = ";".join(labels.get(name, "") for name in texts(rule, "source_labels"))
        if re.fullmatch(text(rule, "regex"), joined):
            labels = {**labels, text(rule, "target_label"): text(rule, "replacement")}
    return labels


@pytest.mark.parametrize("job", ["ingest", "evaluator", "notifier", "reporter"])
@pytest.mark.parametrize("site", ["", "lier"])
@pytest.mark.parametrize("name", ["up", "wachtpost_calls_waiting", "wachtpost_dead_letters_total"])
def test_a_series_gets_the_same_instance_as_in_compose(job: str, site: str, name: str):
    (compose,) = documents(ROOT / "deploy/prometheus/prometheus.yml")
    (theirs,) = (one for one in listed(compose, "scrape_configs") if one["job_name"] == job)
    series = {"__name__": name, "job": job, "instance": "one", **({"site": site} if site else {})}
    ours = relabelled(listed(scrape_config(), "metric_relabel_configs"), series)
    assert ours == relabelled(listed(theirs, "metric_relabel_configs"), series)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_understands_it(tmp_path: Path):
    # Debian's promtool is built without Kubernetes, so that one block is left out.
    job = {name: value for name, value in scrape_config().items() if name != "kubernetes_sd_configs"}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Scripts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["start.sh", "create.sh"])
def test_the_scripts_are_plain_posix(script: str):
    for shell in (["sh", "-n"], ["bash", "--posix", "-n"]):
        subprocess.run([*shell, KUBERNETES / "redis-cluster" / script], check=True, timeout=WITHIN)
