"""The commands of the catalogue: take feeds in, give them out, check files."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app import start
from app.terminal import make_console, make_table

ROOT = Path(__file__).resolve().parent.parent
_SHOWN = 200

items_cli = typer.Typer(help="事项库", no_args_is_help=True)
console = make_console()
Files = Annotated[list[Path] | None, typer.Argument(help="目录系统的文件 .json .yaml .ndjson；省略则为 data/ 文件夹")]


@items_cli.command("import")
def items_import(
    files: Files = None,
    feed: Annotated[str, typer.Option(help="来源名称，随版本保存")] = "directory",
    draft: Annotated[bool, typer.Option("--draft", help="只入库待发布，由工作人员发布")] = False,
) -> None:
    """导入事项、一件事、部门与办事地点；先查出全部问题，有一处问题则全部不入库；重复执行不改变结果。"""
    from app import loading
    from services.catalogue.intake.loader import FaultyFiles

    try:
        with start.surroundings(ROOT) as settings, _counting("导入事项") as advance:
            data = ROOT / "data"
            work = (
                loading.import_feed(settings, files, data, feed[:64], approved=not draft, progress=advance)
                if files
                else loading.import_catalogue(settings, data)
            )
            summary = asyncio.run(work)
    except FaultyFiles as faulty:
        _report([str(fault) for fault in faulty.faults])
        sys.exit(1)
    console.print(f"新增 {summary.added}，更改 {summary.changed}，未变 {summary.unchanged}，现行 {summary.published}")


@items_cli.command("export")
def items_export(
    file: Annotated[Path, typer.Argument(help="写到哪个文件，后缀决定格式：.ndjson .json .yaml")],
    every_version: Annotated[bool, typer.Option("--all-versions", help="包括待发布、未生效和已下架的版本")] = False,
) -> None:
    """把事项库写成可再导入的文件。"""
    from app import loading

    try:
        with start.surroundings(ROOT) as settings, _counting("导出事项") as advance:
            work = loading.export_catalogue(settings, file, every_version=every_version, progress=advance)
            count = asyncio.run(work)
    except (ValueError, OSError) as error:
        console.print(f"[red]不能写出：{error}[/red]")
        sys.exit(1)
    console.print(f"已写出 {count} 条")


@items_cli.command("check")
def items_check(files: Files = None) -> None:
    """按要素规则检查文件并列出全部问题，不动数据库；有问题则以非零退出。"""
    from app import loading

    data = ROOT / "data"
    with _counting("检查事项") as advance:
        findings = loading.check_feed_files(files, data, advance) if files else loading.check_catalogue(data)
    _report(findings)
    sys.exit(1 if findings else 0)


def _report(findings: Sequence[str]) -> None:
    """Print every finding with file and path, then how many each file has."""
    for finding in findings[:_SHOWN]:
        console.print(f"[red]{finding}[/red]")
    if len(findings) > _SHOWN:
        console.print(f"……其余 {len(findings) - _SHOWN} 个问题未列出")
    if findings:
        table = make_table("文件", "问题数")
        for file, count in Counter(finding.partition(": ")[0] for finding in findings).most_common():
            table.add_row(file, str(count))
        console.print(table)
    console.print(f"共 {len(findings)} 个问题")


@contextmanager
def _counting(title: str) -> Iterator[Callable[[], None]]:
    """Show a growing count; gives what makes it grow."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed} 条"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda: bar.advance(task)
