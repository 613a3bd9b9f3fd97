"""The simulators' frame: start and stop, faults on the wire, the movable clock, journal, state across a restart."""

import http.client
import subprocess
import sys
import time
from pathlib import Path

import pytest

APP = "wx0123456789abcdef"
TOKEN_BODY = {"grant_type": "client_credential", "appid": APP, "secret": "s" * 32}


def _token(sim):
    return sim.json("wechat", "POST", "/cgi-bin/stable_token", TOKEN_BODY)


def _bare_start_seconds():
    """How long Python with the web library alone takes here and now: a loaded or slow machine is slow at everything."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import aiohttp.web"], check=True)
    return time.monotonic() - started


def test_start_and_stop_take_little_time_and_state_survives(own_simulators):
    sim = own_simulators
    yardstick = _bare_start_seconds()
    assert sim.start() < max(3.0, 4 * yardstick)
    token = _token(sim)["access_token"]
    order = {"person": "li-na", "template_id": "T" * 43, "push": False}
    sim.control("POST", "/wechat/subscriptions", order)
    sim.control("POST", "/people", {"key": "new", "name": "王芳", "id_number": "1", "phone": "13800000009"})
    code, seconds = sim.stop()
    assert code == 0
    assert seconds < max(2.0, 4 * yardstick)
    sim.start()
    assert _token(sim)["access_token"] == token
    assert [person["key"] for person in sim.control("GET", "/people")] == ["zhang-wei", "li-na", "new"]
    with (Path("/proc") / str(sim.process.pid) / "status").open() as status:
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert kib < 100 * 1024


def test_a_killed_process_keeps_what_was_a_second_old(own_simulators):
    sim = own_simulators
    sim.start()
    token = _token(sim)["access_token"]
    time.sleep(1.0)
    state, limit = sim.folder / "state.json", time.monotonic() + 20
    while not (state.exists() and token in state.read_text("utf-8")):
        assert time.monotonic() < limit, "the state was not saved"
        time.sleep(0.05)
    sim.process.kill()
    sim.process.wait(30)
    sim.process.stdout.close()
    sim.start()
    assert _token(sim)["access_token"] == token


def test_overview_names_doors_and_counts_calls(sim):
    _token(sim)
    _token(sim)
    overview = sim.control("GET", "")
    assert overview["calls"]["wechat"]["stable_token"] == 2
    assert overview["providers"]["wechat_pay"] == sim.url("wechat_pay")
    assert sim.control("GET", "/healthz") == {"status": "ok", "pid": sim.process.pid}


def test_journal_shows_key_fields_and_no_secret(sim):
    _token(sim)
    (row,) = sim.control("GET", "/requests?provider=wechat&call=stable_token")
    assert row["app_id"] == APP
    assert row["outcome"] == "ok"
    assert "s" * 32 not in str(row)


def test_delay_fault_waits_then_answers(sim):
    sim.control(
        "POST", "/faults", {"provider": "wechat", "call": "stable_token", "kind": "delay", "delay_seconds": 0.4}
    )
    started = time.monotonic()
    assert "access_token" in _token(sim)
    assert time.monotonic() - started >= 0.4
    assert sim.control("GET", "/faults") == []


def test_drop_fault_closes_before_and_drop_after_closes_once_done(sim):
    sim.control("POST", "/faults", {"provider": "wechat", "call": "stable_token", "kind": "drop"})
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        _token(sim)
    sim.control("POST", "/faults", {"provider": "wechat", "call": "stable_token", "kind": "drop_after"})
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        _token(sim)
    outcomes = [row["outcome"] for row in sim.control("GET", "/requests?provider=wechat")]
    assert outcomes == ["ok fault:drop_after", "fault:drop"]


def test_hang_fault_never_answers(sim):
    sim.control("POST", "/faults", {"provider": "wechat", "call": "*", "kind": "hang"})
    with pytest.raises(TimeoutError):
        sim.call("wechat", "GET", "/cgi-bin/token", timeout=0.4)
    assert sim.control("GET", "/requests")[0]["outcome"] == "fault:hang"


def test_http_fault_answers_garbage_until_deleted(sim):
    fault = sim.control(
        "POST", "/faults", {"provider": "wechat", "call": "*", "kind": "http", "status": 502, "times": -1}
    )
    for _ in range(3):
        reply = sim.call("wechat", "GET", "/cgi-bin/token")
        assert (reply.status, reply.body[:6]) == (502, b"<html>")
    assert sim.control("DELETE", f"/faults?id={fault['id']}") == {"deleted": 1}
    assert sim.call("wechat", "GET", "/cgi-bin/token").status == 200


def test_clock_moves_and_reset_brings_it_back(sim):
    assert sim.control("PUT", "/clock", {"offset_seconds": 86_400})["offset_seconds"] == 86_400
    _token(sim)
    assert sim.control("GET", "/requests")[0]["at"][:10] == sim.control("GET", "/clock")["now"][:10]
    sim.control("POST", "/reset")
    assert sim.control("GET", "/clock")["offset_seconds"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", {"provider": "wechat", "call": "*", "kind": "nonsense"}, 400),
        ("POST", "/faults", {"provider": "wechat", "call": "*", "kind": "drop", "times": 0}, 400),
        ("PUT", "/clock", {"offset_seconds": "soon"}, 400),
        ("GET", "/requests?limit=none", None, 400),
        ("GET", "/nowhere", None, 404),
        ("POST", "/people", {"key": "x"}, 400),
        ("POST", "/wechat/login-codes", {"person": "nobody"}, 404),
    ],
)
def test_control_refuses_bad_calls_as_json(sim, method, path, body, status):
    assert sim.control_error(method, path, body)[0] == status


def test_broken_config_ends_with_a_sentence(own_simulators):
    sim = own_simulators
    (sim.folder / "merchant-public.pem").write_text("not a key")
    with pytest.raises(AssertionError, match=r"merchant-public\.pem: not a PEM public key"):
        sim.start()
