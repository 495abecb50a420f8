"""What missions cause elsewhere: reports on the incident's medical task, on its region's urgent lane."""

from collections.abc import Callable, Sequence

from tocsin.codec.peek import EventHead
from tocsin.codec.wire import encode_command
from tocsin.log.headers import command_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Record
from tocsin.log.topics import URGENT
from tocsin.mission.reports import TOLD, report_of
from tocsin.mission.state import EmsState
from tocsin.runtime.clock import Clock


def reports(partitions: int, clock: Clock) -> Callable[[EmsState, EventHead, Record], Sequence[Append]]:
    """The cause for `tocsin.log.relay.Relay`."""

    def cause(_: EmsState, event: EventHead, __: Record) -> Sequence[Append]:
        report = report_of(event.event()) if event.type in TOLD else None
        if report is None:
            return ()
        partition = partition_of(report.region, partitions)
        headers = command_headers(report, clock=clock)
        return (Append(URGENT.name, partition, report.region.encode(), encode_command(report), headers),)

    return cause
