"""What watches the servers: rules and alerts for Prometheus, and a dashboard for Grafana.

The names are those of TF Serving (``:tensorflow:serving:…``) and of ``nmt serve`` (``nmt_…``). Times of
TF Serving are in microseconds.
"""

from __future__ import annotations

import json
from typing import Any

from nmt.export.kubernetes import filled, label

# What the dashboard draws: a title, the unit, and what is drawn with the name of each line.
_ROWS: dict[str, list[tuple[str, str, list[tuple[str, str]]]]] = {
    "@name@ on TF Serving": [
        ("Requests a second", "reqps", [('nmt:requests:rate5m{model="@name@"}', "{{track}} {{version}}")]),
        (
            "Requests that fail",
            "percentunit",
            [('nmt:failed_requests:ratio5m{model="@name@"}', "{{track}} {{version}}")],
        ),
        (
            "Seconds of a request",
            "s",
            [
                ('nmt:request_seconds:p95{model="@name@"}', "95 %, {{track}} {{version}}"),
                (
                    'sum by (track) (rate(:tensorflow:serving:request_latency_sum{model_name="@name@"}[5m])) / '
                    'sum by (track) (rate(:tensorflow:serving:request_latency_count{model_name="@name@"}[5m])) / 1e6',
                    "mean, {{track}}",
                ),
            ],
        ),
        (
            "Seconds until a batch begins, 95 %",
            "s",
            [
                (
                    "histogram_quantile(0.95, sum by (track, le) (rate("
                    ':tensorflow:serving:batching_session:queuing_latency_bucket{job="tf-serving-@plain@"}[5m])'
                    ")) / 1e6",
                    "{{track}}",
                )
            ],
        ),
        ("Requests of a batch", "short", [('nmt:requests_of_a_batch:mean5m{model="@name@"}', "{{track}} {{version}}")]),
        (
            "Pods that answer",
            "short",
            [('sum by (track, version) (up{job="tf-serving-@plain@"})', "{{track}} {{version}}")],
        ),
    ],
    "nmt serve": [
        ("Requests a second", "reqps", [("sum by (path, code) (rate(nmt_requests_total[5m]))", "{{path}} {{code}}")]),
        ("Seconds of a request, 95 %", "s", [("nmt_serve:request_seconds:p95", "{{instance}}")]),
        ("Sentences a second", "short", [("sum by (instance) (rate(nmt_sentences_total[5m]))", "{{instance}}")]),
        (
            "Sentences of a batch, and those that wait",
            "short",
            [
                ("rate(nmt_batch_sentences_sum[5m]) / rate(nmt_batch_sentences_count[5m])", "in a batch, {{instance}}"),
                ("nmt_queue_sentences", "waiting, {{instance}}"),
            ],
        ),
    ],
}
_WIDTH, _HEIGHT = 12, 8


def files(name: str) -> dict[str, str]:
    """Return the files that watch a model's servers by their names.

    Arguments:
        name: of the model.
    """
    dashboard = json.dumps(_dashboard(), indent=1)
    return {
        "prometheus.yaml": filled("prometheus.yaml", plain=label(name)),
        "prometheus-rules.yaml": filled("prometheus-rules.yaml", name=name, plain=label(name)),
        "grafana-dashboard.json": dashboard.replace("@name@", name).replace("@plain@", label(name)) + "\n",
    }


def _dashboard() -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in _ROWS.items():
        panels.append({"type": "row", "title": title, "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}, "panels": []})
        top += 1
        for place, (what, unit, drawn) in enumerate(row):
            x, y = place % 2 * _WIDTH, top + place // 2 * _HEIGHT
            panels.append(
                {
                    "type": "timeseries",
                    "title": what,
                    "datasource": {"type": "prometheus", "uid": "${source}"},
                    "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
                    "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                    "targets": [
                        {"refId": chr(ord("A") + number), "expr": query, "legendFormat": line}
                        for number, (query, line) in enumerate(drawn)
                    ],
                }
            )
        top += -(-len(row) // 2) * _HEIGHT
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "title": "@name@",
        "uid": None,
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }
