"""Coins, an EM in lines of JSON, as a program in any language would be; its argument is what it does wrong."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np

np.seterr(all="ignore")
fault = sys.argv[1] if len(sys.argv) > 1 else ""
data = None
# Its answers are those of the protocol.
HARMLESS = ("", "weights", "once")


def e_step(params):
    x, n, rows = (np.array(data[name]) for name in ("heads", "flips", "frequencies"))
    weight, bias = np.array(params["weight"]), np.array(params["bias"])
    log_weight, log_bias, log_tails = np.log(weight), np.log(bias), np.log(1 - bias)
    x, n = x[:, None], n[:, None]
    joint = (
        log_weight * (fault != "weights") + np.where(x > 0, x * log_bias, 0) + np.where(x < n, (n - x) * log_tails, 0)
    )
    total = np.logaddexp.reduce(joint, axis=1)
    share = rows[:, None] * np.exp(joint - total[:, None])
    counts = {"sequences": share.sum(axis=0), "heads": (x * share).sum(axis=0), "flips": (n * share).sum(axis=0)}
    return {"expected_counts": {name: list(of) for name, of in counts.items()}, "log_likelihood": float(rows @ total)}


def m_step(counts):
    weight = np.array(counts["sequences"]) / sum(counts["sequences"])
    bias = np.array(counts["heads"]) / np.maximum(counts["flips"], 1e-300)
    return {"params": {"weight": list(weight), "bias": list(bias)}}


def fit(params, max_cycles):
    cycles, converged = 0, False
    while cycles < max_cycles and not converged:
        before = params
        params = m_step(e_step(params)["expected_counts"])["params"]
        cycles += 1
        converged = all(np.abs(np.subtract(params[name], before[name])).max() < 1e-13 for name in params)
    told = e_step(params)["log_likelihood"]
    return {"params": params, "log_likelihood": told, "converged": converged, "cycles": cycles}


def answer_to(asked):
    global data
    act = asked["act"]
    if act == "data":
        if fault == "once" and data is not None:
            return {}
        data = asked["data"]
        if fault in HARMLESS:
            return {"offers": ["e_step", "m_step", "fit"], "fit_takes": ["start", "max_cycles"]}
        return {"offers": "step"}
    if act == "e_step":
        return e_step(asked["params"])
    if act == "m_step":
        return m_step(asked["expected_counts"])
    if act == "step":
        return m_step(e_step(asked["params"])["expected_counts"])
    return fit(asked["start"], asked.get("max_cycles", 20_000))


def wrong(answer):
    """The line with which a program that has a fault answers a step."""
    params = answer.get("params", {})
    if fault == "dies":
        sys.stderr.write("Error in log(x) :\n  non-numeric argument\nExecution halted\n")
        sys.exit(3)
    if fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hangs":
        sys.stderr.write("thinking\n")
        subprocess.Popen(["sleep", "600"])
        time.sleep(600)
    if fault == "closes":
        os.close(1)
        time.sleep(600)
    if fault in ("null", "NaN", "Infinity", '"Inf"', '"NA"'):
        return json.dumps({"params": {**params, "bias": [0.5, "here"]}}).replace('"here"', fault)
    changed = {
        "shape": {"params": {**params, "bias": [0.5]}},
        "missing": {"params": {"weight": [0.5, 0.5]}},
        "ragged": {"params": {**params, "bias": [[0.5], [0.5, 0.1]]}},
        "words": {"params": {**params, "bias": ["heads", "tails"]}},
        "list": {"params": [0.5, 0.5, 0.5, 0.5]},
        "key": {"parameters": params},
        "error": {"error": "object 'x' not found"},
        "refused": {"refused": "biases in no order"},
        "number": 12.5,
    }
    if fault in changed:
        return json.dumps(changed[fault])
    return {"prints": "[1] 0.5", "empty": "", "twice": json.dumps(answer) + "\nbye", "latin": "caf\udce9"}[fault]


for line in sys.stdin:
    asked = json.loads(line)
    if fault not in HARMLESS and asked["act"] == "step":
        answer = wrong(answer_to(asked))
    else:
        answer = json.dumps(answer_to(asked))
    sys.stdout.buffer.write((answer + "\n").encode(errors="surrogateescape"))
    sys.stdout.flush()
