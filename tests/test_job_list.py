"""Jobs in every order, by pages."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from daemon.catalog import job_list, jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.catalog.job_list import JobFilter, JobOrder, JobPages
from tests.imports import new_job

BEGIN = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""In Berlin, clocks go back half an hour later."""


def seconds(job: Job) -> float:
    if job.started_at is None or job.finished_at is None:
        return -1
    return job.finished_at.timestamp() - job.started_at.timestamp()


def some_jobs(connection: Connection, count: int) -> list[Job]:
    """With few values for each, so that many are equal; some did not begin, some are not over."""
    chance = random.Random(1)
    for _ in range(count):
        job = new_job(connection)
        rows = chance.randrange(4)
        errors = chance.randrange(rows + 1)
        begin = chance.choice([None, BEGIN])
        end = chance.choice([None, BEGIN + timedelta(minutes=chance.randrange(0, 180, 45))])
        connection.execute(
            "UPDATE import_jobs SET filename = %s, processed_rows = %s, success_count = %s, error_count = %s,"
            " open_error_count = %s, started_at = %s, finished_at = %s, status = %s WHERE id = %s",
            [
                chance.choice(["a.csv", "B.csv", "ä [b].csv", "c%.csv"]), rows, rows - errors, errors, errors,
                begin, end,
                chance.choice([JobStatus.FAILURE, JobStatus.CANCELLED]), job.id,
            ],
        )  # fmt: skip
    return list(job_list.newest(connection))


@pytest.mark.parametrize("order", JobOrder)
def test_pages_from_both_ends_are_in_order(connection: Connection, order: JobOrder) -> None:
    connection.execute("SET timezone TO 'Europe/Berlin'")
    jobs = some_jobs(connection, 97)
    for wanted in (JobFilter(), JobFilter(JobStatus.FAILURE, "B")):
        there = {
            job.id
            for job in jobs
            if wanted == JobFilter() or (job.status is JobStatus.FAILURE and "b" in job.filename.lower())
        }
        pages, backwards = JobPages(wanted, order), JobPages(wanted, order)
        total = pages.count(connection)
        assert total == len(there)
        found = [job for start in range(0, total, 10) for job in pages.page(connection, start, 10, total)]
        assert {job.id for job in found} == there
        from_end: list[Job] = []
        for start in range((total - 1) // 10 * 10, -1, -10):
            from_end = backwards.page(connection, start, min(10, total - start), total) + from_end
        assert [job.id for job in from_end] == [job.id for job in found]
        keys = [(key(connection, order, job), job.id) for job in found]
        assert keys == sorted(keys, reverse=order not in (JobOrder.OLDEST, JobOrder.NAME))


def key(connection: Connection, order: JobOrder, job: Job) -> float:
    match order:
        case JobOrder.NAME:  # which of two letters comes first is the server's to say
            before = "SELECT count(*) FROM import_jobs WHERE lower(filename) < lower(%s)"
            row = connection.execute(before, [job.filename]).fetchone()
            return int(row[0]) if row else 0
        case JobOrder.ROWS:
            return job.rows
        case JobOrder.REJECTED:
            return job.open_error_count
        case JobOrder.DURATION:
            return seconds(job)
    return 0


def test_clocks_that_are_changed_take_no_time(connection: Connection) -> None:
    connection.execute("SET TIME ZONE 'Europe/Berlin'")
    job = new_job(connection)
    connection.execute(
        "UPDATE import_jobs SET started_at = %s, finished_at = %s,"
        " processed_rows = 7200, success_count = 7200 WHERE id = %s",
        [BEGIN, BEGIN + timedelta(hours=1), job.id],
    )
    job = jobs.get(connection, job.id)
    assert (job.seconds, job.rows_per_second) == (3600, 2)
