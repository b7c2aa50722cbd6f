"""The `.env` of the first `make run`."""

import stat
from pathlib import Path

from cryptography.fernet import Fernet
from dotenv import dotenv_values

from launcher.env_file import write_env_file


def test_a_new_file_has_fresh_keys_and_the_settings_of_a_local_start(tmp_path: Path) -> None:
    assert write_env_file(tmp_path / ".env")
    assert write_env_file(tmp_path / "other")

    values, others = dotenv_values(tmp_path / ".env"), dotenv_values(tmp_path / "other")
    assert values["HTTPS"] == "off"
    assert values["ALLOWED_HOSTS"] == "localhost,127.0.0.1"
    assert len(values["SECRET_KEY"] or "") >= 50
    assert Fernet(values["ENCRYPTION_KEY"] or "")
    assert values["SECRET_KEY"] != others["SECRET_KEY"]
    assert values["ENCRYPTION_KEY"] != others["ENCRYPTION_KEY"]


def test_only_the_owner_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_env_file(tmp_path / ".env")

    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_an_existing_file_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=mine\n")

    assert not write_env_file(tmp_path / ".env")
    assert (tmp_path / ".env").read_text() == "SECRET_KEY=mine\n"
