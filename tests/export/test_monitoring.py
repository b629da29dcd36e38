"""Rules and the dashboard: each query is one, and asks for what a server counts."""

import json
import re
from typing import Any

import pytest

from nmt.export.monitoring import files
from nmt.server.app import Metrics

# What TF Serving counts, as its sources name it (servables/tensorflow/util.cc, batching/batching_session.cc), with the
# labels of each; what ends in _latency is a histogram.
TF_SERVING = {
    ":tensorflow:serving:request_count": {"model_name", "status"},
    ":tensorflow:serving:request_latency": {"model_name", "API", "entrypoint"},
    ":tensorflow:serving:batching_session:queuing_latency": {"thread_pool_name"},
    ":tensorflow:serving:batching_session:wrapped_run_count": set(),
}
# What Prometheus itself adds, and what the relabelling of prometheus.yaml does.
ADDED = {"job", "instance", "pod", "track", "version", "le"}


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return [
        rule for group in yaml.safe_load(files("ko-en")["prometheus-rules.yaml"])["groups"] for rule in group["rules"]
    ]


def known(rules: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Return the labels of each series."""
    found = {"up": ADDED, **{rule["record"]: ADDED for rule in rules if "record" in rule}}
    for name, labels in TF_SERVING.items():
        for ending in ("_bucket", "_sum", "_count") if name.endswith("_latency") else ("",):
            found[name + ending] = labels | ADDED
    metrics = Metrics()
    metrics.requests.labels("/x", "200").inc()
    metrics.seconds.labels("/x").observe(1)
    for family in metrics.registry.collect():
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, set()) | set(sample.labels) | ADDED
    return found


def selectors(query: str) -> list[Any]:
    """Parse a query, and return the series that it reads, each with the labels it chooses by."""
    promql_parser = pytest.importorskip("promql_parser", reason="the grammar of Prometheus is not installed")
    found: list[Any] = []

    def visit(part: Any) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            found.append((part.name, [matcher.name for matcher in part.matchers.matchers]))

    promql_parser.walk(promql_parser.parse(query), visit)
    return found


def test_the_rules_read_what_is_counted(rules: list[dict[str, Any]]) -> None:
    series = known(rules)
    for rule in rules:
        read = selectors(rule["expr"])
        assert read, rule
        for name, labels in read:
            assert set(labels) <= series[name], rule
    alerts = [rule for rule in rules if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) > 5
    for alert in alerts:
        assert re.fullmatch(r"\d+m", alert["for"]) and set(alert["labels"]) == {"severity"}
        assert set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])) <= ADDED


def test_the_dashboard_draws_what_is_counted(rules: list[dict[str, Any]]) -> None:
    dashboard = json.loads(files("ko-en")["grafana-dashboard.json"])
    series = known(rules)
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    for panel in panels:
        for target in panel["targets"]:
            for name, labels in selectors(target["expr"]):
                assert set(labels) <= series[name], panel
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    # No two overlap.
    places = [(x, y) for panel in panels for x, y in [(panel["gridPos"]["x"], panel["gridPos"]["y"])]]
    assert len(set(places)) == len(places) and "ko-en" in dashboard["title"]


def test_prometheus_finds_the_pods_of_the_kit() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    config = yaml.safe_load(files("Ko_en")["prometheus.yaml"])
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["tf-serving"]["metrics_path"] == "/monitoring/prometheus/metrics"
    assert {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": "ko-en", "action": "keep"} in jobs[
        "tf-serving"
    ]["relabel_configs"]
    assert config["rule_files"] == ["prometheus-rules.yaml"] and jobs["nmt-serve"]["metrics_path"] == "/metrics"
