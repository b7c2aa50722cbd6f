"""Endpoints from the shell: list, test, add, fetch models, remove."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from getpass import getpass
from typing import Any

from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from chat import endpoint_probe
from chat.endpoint import (
    OPTIONS,
    EndpointConfig,
    Option,
    WrongValue,
    clean_value,
    usual_max_tokens_name,
)
from chat.models import Endpoint, FoundModels, OfferedModel, Unreadable, environment_endpoints
from chat.models.endpoints import chosen_options


class Command(BaseCommand):
    help = "Lists, tests, adds and removes the endpoints whose models are offered."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="All endpoints with their models and faults.")
        test = verbs.add_parser("test", help="Ask them for their models and for one token.")
        test.add_argument(
            "names", nargs="*", metavar="NAME", help="Which; all that are on without one."
        )
        add = verbs.add_parser(
            "add", allow_abbrev=False, help="Add one. Its key comes from --key-env, or is asked."
        )
        add.add_argument("name", help="Begins the ids of its models: small letters, digits, -.")
        add.add_argument("address", help="The part before /chat/completions.")
        add.add_argument("--label", help="The name that people see (default: the name).")
        add.add_argument(
            "--key-env",
            metavar="VARIABLE",
            help="Take the key from this variable. Without it the key is read from standard "
            "input, or asked for at a terminal; an empty one is none.",
        )
        for name, option in OPTIONS.items():
            flag = f"--{name.replace('_', '-')}"
            add.add_argument(flag, dest=name, help=option.help or option.label, **kind(option))
        add.add_argument(
            "--header",
            action="append",
            default=[],
            metavar="NAME=VARIABLE",
            help="A header whose value is in this variable; can be given several times.",
        )
        models = add.add_mutually_exclusive_group()
        models.add_argument("--models", metavar="A,B", help="The models to offer.")
        models.add_argument("--fetch", action="store_true", help="Offer the models that it lists.")
        fetch = verbs.add_parser("fetch", help="Ask one for its models and add the new ones.")
        fetch.add_argument("name")
        remove = verbs.add_parser("remove", help="Remove one with its models.")
        remove.add_argument("name")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"do_{verb}")(options)

    # --- verbs ----------------------------------------------------------------------------

    def do_list(self, options: dict[str, Any]) -> None:
        found = environment_endpoints()
        for name, endpoint in found.endpoints.items():
            models = [offer.name for offer in found.offers if offer.endpoint == name]
            key = "set" if endpoint.api_key else "none"
            self.describe(endpoint, "from the environment", key, models)
        for row in Endpoint.objects.prefetch_related("models"):
            state = "on" if row.enabled else "off"
            if row.slug in found.endpoints:
                state = "not used: the environment has one of this name"
            models = [model.name for model in row.models.all() if model.enabled]
            self.describe(row.config(), state, row.key_state(), models)
        if not found.endpoints and not Endpoint.objects.exists():
            self.stdout.write("There are none.")

    def do_test(self, options: dict[str, Any]) -> None:
        known = self.all_endpoints()
        for name in options["names"]:
            if name not in known:
                raise CommandError(unknown(name))
        failed = []
        off = set(Endpoint.objects.filter(enabled=False).values_list("slug", flat=True))
        off -= set(environment_endpoints().endpoints)
        for name in options["names"] or [name for name in known if name not in off]:
            endpoint, model = known[name]
            findings = async_to_sync(endpoint_probe.test)(endpoint, model)
            for finding in findings:
                self.say(name, finding)
            if not all(finding.ok for finding in findings):
                failed.append(name)
        if failed:
            raise CommandError(f"Not everything works at {', '.join(failed)}.")

    def do_add(self, options: dict[str, Any]) -> None:
        name = options["name"]
        if name in environment_endpoints().endpoints:
            raise CommandError(f"The environment has an endpoint of the name {name}.")
        chosen = {name: options[name] for name in OPTIONS if options[name] is not None}
        label, address = options["label"] or name, options["address"]
        row = Endpoint(slug=name, label=label, base_url=address, **chosen)
        check(row)
        if options["max_tokens_name"] is None:
            row.max_tokens_name = usual_max_tokens_name(row.base_url)
        headers = read_headers(options["header"])
        key = self.read_key(options)
        try:
            row.change_secrets(base_url=row.base_url, key=key, headers=headers)
        except Unreadable as why:
            raise CommandError(f"The key cannot be stored encrypted. {why}") from None
        with transaction.atomic():
            row.save()
            for model in filter(None, map(str.strip, (options["models"] or "").split(","))):
                offered = OfferedModel(endpoint=row, name=model, label=model[:120])
                offered.propose()
                check(offered)
                offered.save()
        self.stdout.write(f"Added {name}.")
        if options["fetch"]:
            self.do_fetch({"name": name})

    def do_fetch(self, options: dict[str, Any]) -> None:
        row = self.row(options["name"])
        try:
            names = async_to_sync(endpoint_probe.models)(row.config())
        except endpoint_probe.NotListed as none:
            detail = f" ({none.finding.detail})" if none.finding.detail else ""
            raise CommandError(f"{none.finding.text}{detail}") from None
        found = OfferedModel.objects.add_found(row, names)
        self.stdout.write(counts_of(found))

    def do_remove(self, options: dict[str, Any]) -> None:
        row = self.row(options["name"])
        models = row.models.count()
        row.delete()
        self.stdout.write(f"Removed {options['name']} and its {models} models.")

    # --- shared parts ---------------------------------------------------------------------

    def describe(self, endpoint: EndpointConfig, state: str, key: str, models: list[str]) -> None:
        self.stdout.write(f"{endpoint.name} ({state}): {endpoint.label}")
        facts = [f"address: {endpoint.base_url}", f"key: {key}", *chosen_options(endpoint)]
        if endpoint.problem and key == "none":
            facts.append(f"headers: cannot be read: {endpoint.problem}")
        facts.append(f"models: {', '.join(models) or 'none is offered'}")
        for fact in facts:
            self.stdout.write(f"  {fact}")

    def say(self, name: str, finding: endpoint_probe.Finding) -> None:
        style = self.style.SUCCESS if finding.ok else self.style.ERROR
        self.stdout.write(f"{name}: {style(finding.text)}")
        if finding.detail:
            self.stdout.write(f"  {finding.detail}")

    def all_endpoints(self) -> dict[str, tuple[EndpointConfig, str | None]]:
        """Every endpoint with the model to ask, the environment's first."""
        found = environment_endpoints()
        known: dict[str, tuple[EndpointConfig, str | None]] = {
            name: (endpoint, next(o.name for o in found.offers if o.endpoint == name))
            for name, endpoint in found.endpoints.items()
        }
        for row in Endpoint.objects.all():
            first = row.models.filter(enabled=True).values_list("name", flat=True).first()
            known.setdefault(row.slug, (row.config(), first))
        return known

    def row(self, name: str) -> Endpoint:
        try:
            return Endpoint.objects.get(slug=name)
        except Endpoint.DoesNotExist:
            if name in environment_endpoints().endpoints:
                message = f"{name} is set by the environment. Change it there."
                raise CommandError(message) from None
            raise CommandError(unknown(name)) from None

    def read_key(self, options: dict[str, Any]) -> str:
        """Never an argument: those are seen by everybody on the machine, and kept by shells."""
        if options["key_env"]:
            key = from_environment(options["key_env"])
        elif sys.stdin.isatty():
            key = getpass("Key (empty: none): ").strip()
        else:
            key = sys.stdin.readline().strip()
        cleaned: str = clean("The key", "api_key", key)
        return cleaned


def unknown(name: str) -> str:
    return f"There is no endpoint {name}. `manage.py endpoints list` has all of them."


def from_environment(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise CommandError(f"The variable {variable} is not set.")
    return value


def read_headers(named: Iterable[str]) -> dict[str, str | None]:
    """The headers of `Name=VARIABLE`, with the values of the variables."""
    pairs = []
    for one in named:
        name, _, variable = one.partition("=")
        if not variable:
            raise CommandError("A header is given as NAME=VARIABLE.")
        pairs.append((name, from_environment(variable)))
    return dict(clean("The headers", "headers", pairs))


def clean(what: str, field: str, value: Any) -> Any:
    """The value as an endpoint may have it. Raises CommandError."""
    try:
        return clean_value(field, value)
    except WrongValue as wrong:
        raise CommandError(f"{what}: {wrong}") from None


def kind(option: Option) -> dict[str, Any]:
    """Type of a flag's value."""
    if isinstance(option.default, bool):
        return {"action": argparse.BooleanOptionalAction}
    if option.choices:
        return {"choices": [choice for choice in option.choices if choice]}
    return {"type": type(option.default)}


def check(row: Endpoint | OfferedModel) -> None:
    """Raise CommandError with the faults of each field."""
    try:
        row.full_clean()
    except ValidationError as wrong:
        lines = [f"{field}: {' '.join(why)}" for field, why in wrong.message_dict.items()]
        raise CommandError(
            " ".join(lines).replace("slug:", "name:").replace("base_url:", "address:")
        ) from None


def counts_of(found: FoundModels) -> str:
    return f"{found.added} models added, {found.on} of them offered; {found.known} already known."
