"""A user's folders: listed, made, renamed, deleted."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from chat import admission, commands, protocol
from chat.api.answers import answer, answers, shown
from chat.api.auth import Access, caller_of
from chat.api.names import on_one_line
from chat.models import Counter, Folder
from chat.models.commands.removal import remove_folder
from chat.protocol import FolderObject, Seq, Shape

router = Router(tags=["folders"])

Name = Annotated[str, Field(min_length=1, max_length=500, description="Cut at 80 characters.")]


class Folders(Shape, frozen=True):
    seq: Seq
    folders: list[FolderObject]


class SingleFolder(Shape, frozen=True):
    seq: int
    folder: FolderObject


class NewFolder(Schema):
    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Made by you: the same again gives the same folder.")
    name: Name


class FolderChange(Schema):
    model_config = ConfigDict(extra="forbid")

    name: Name


@router.get("/folders", auth=Access("read"), response=answers(Folders))
def list_folders(request: HttpRequest) -> HttpResponse:
    """All folders, by name."""
    user_id = caller_of(request).user_id
    seq = Counter.objects.current(user_id)
    rows = Folder.objects.for_user(user_id).order_by("name", "pk")
    return answer(Folders(seq, [protocol.folder_object(row) for row in rows]))


@router.post(
    "/folders",
    auth=Access("chat"),
    response=answers(SingleFolder, 409, 413, 415, 422, 429) | {201: shown(SingleFolder)},
)
def create_folder(request: HttpRequest, new: NewFolder) -> HttpResponse:
    """Make an empty folder."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    name = on_one_line(new.name, "name")
    with commands.refusals():
        row, is_new = Folder.objects.make(user_id, new.id, name)
    content = SingleFolder(row.seq, protocol.folder_object(row))
    return answer(content, status=201 if is_new else 200)


@router.patch(
    "/folders/{uid}",
    auth=Access("chat"),
    response=answers(SingleFolder, 404, 413, 415, 422, 429),
)
def change_folder(request: HttpRequest, uid: UUID, change: FolderChange) -> HttpResponse:
    """Rename it."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    row = Folder.objects.for_user(user_id).get(uid=uid)
    row.rename(on_one_line(change.name, "name"))
    return answer(SingleFolder(row.seq, protocol.folder_object(row)))


@router.delete(
    "/folders/{uid}",
    auth=Access("chat", answers=()),
    response=answers(None, 404, 422, 429, status=204),
)
def delete_folder(request: HttpRequest, uid: UUID) -> Status[None]:
    """Delete it. Its conversations stay, in no folder. For a while that can be undone."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    remove_folder(user_id, uid)
    return Status(204, None)
