"""What scoring costs, in CPU time, split into what each request, task, completion and byte adds."""

from dataclasses import dataclass, replace

MEASURED_BYTES = 1_400
"""Of a completion, where one length was measured and no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU time of one core. The defaults are the figures of docs/benchmarks.md, rounded up; it names the machine."""

    request_us: float = 350
    """Of a request, whatever it holds."""
    task_us: float = 95
    """Of a task that the service has not seen: its tools compiled, its ground truth read. A step brings new ones."""
    completion_us: float = 3.5
    byte_us: float = 0.001
    client_us: float = 5.4
    """Of the client, for a completion of ``MEASURED_BYTES``; longer ones cost it more as they cost the service more."""

    def of_completion_us(self, completion_bytes: float) -> float:
        """Of one completion in the service."""
        return self.completion_us + self.byte_us * completion_bytes

    def of_client_us(self, completion_bytes: float) -> float:
        """Of one completion in the client."""
        return self.client_us * self.of_completion_us(completion_bytes) / self.of_completion_us(MEASURED_BYTES)

    def of_request_s(self, completions: float, group: int, completion_bytes: float) -> float:
        """Of a request with so many completions in groups of so many, in seconds."""
        tasks = completions / group
        return (self.request_us + tasks * self.task_us + completions * self.of_completion_us(completion_bytes)) / 1e6

    def flat(self, completion_us: float) -> "Costs":
        """One figure for a completion, with everything in it, in place of the service's split ones."""
        return replace(self, request_us=0, task_us=0, completion_us=completion_us, byte_us=0)


DOCUMENTED = Costs()
