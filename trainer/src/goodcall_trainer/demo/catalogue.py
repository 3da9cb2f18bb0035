"""The tools of the made-up tasks: for each its JSON Schema, the ways to ask for it, and the values asked for.

The table is data, read by `generate`. All values come from closed lists, so that a policy of half a million
parameters can learn to copy them; nothing here is meant to resemble a benchmark.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from goodcall_trainer.row import Tool


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CITIES = _words(
    "Oslo Paris Lima Cairo Delhi Tokyo Seoul Rome Vienna Prague Dublin Boston Austin Denver Quito Accra Lagos "
    "Tunis Riga Sofia Madrid Lisbon Geneva Bergen"
)
NAMES = _words("Anna Bilal Chen Dora Emil Farah Goran Hana Ivan Jana Karim Lena Marco Nora Omar Petra")
TOPICS = _words("budget contract invoice lecture meeting payroll release roadmap survey training travel visa")
ITEMS = _words("apples batteries cables candles folders lamps mugs notebooks pencils plates stamps towels")
DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
TIMES = tuple(f"{hour:02}:{minute}" for hour in range(8, 20) for minute in ("00", "15", "30", "45"))
COUNTS = tuple(range(2, 31))


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueTool:
    """A tool, how users ask for it, and what they may ask for."""

    name: str
    """The function's name."""
    description: str
    """One sentence for the tool's definition."""
    phrasings: tuple[str, ...]
    """Queries with a `{parameter}` for each value."""
    values: Mapping[str, tuple[str | int, ...]]
    """Parameter names, in schema order, each with the values that queries draw from; all are required."""

    def definition(self) -> Tool:
        """The tool in OpenAI form, its parameters as a closed JSON Schema."""
        parameters = {
            "type": "object",
            "properties": {name: _schema(values) for name, values in self.values.items()},
            "required": list(self.values),
            "additionalProperties": False,
        }
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


def _schema(values: tuple[str | int, ...]) -> dict[str, object]:
    if all(isinstance(value, int) for value in values):
        return {"type": "integer", "minimum": 1}
    if values is DAYS:
        return {"type": "string", "enum": list(values)}
    if values is TIMES:
        return {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"}
    return {"type": "string"}


CATALOGUE = (
    CatalogueTool(
        name="get_weather",
        description="Weather forecast for a city.",
        phrasings=(
            "What will the weather be in {city} from {start} for {days} days?",
            "Forecast for {city}, {days} days from {start}.",
            "From {start} on I spend {days} days in {city}, how is the weather?",
        ),
        values={"city": CITIES, "start": DAYS, "days": COUNTS},
    ),
    CatalogueTool(
        name="order_item",
        description="Order an article for somebody.",
        phrasings=(
            "Order {quantity} {item} for {recipient}.",
            "{recipient} needs {quantity} {item}, please order them.",
            "Please buy {quantity} {item}, they are for {recipient}.",
        ),
        values={"item": ITEMS, "quantity": COUNTS, "recipient": NAMES},
    ),
    CatalogueTool(
        name="find_train",
        description="Search train connections between two cities.",
        phrasings=(
            "Find a train from {origin} to {destination} on {day}.",
            "I must travel to {destination} on {day}, starting in {origin}.",
            "On {day} I take the train from {origin}, going to {destination}.",
        ),
        values={"origin": CITIES, "destination": CITIES, "day": DAYS},
    ),
    CatalogueTool(
        name="send_message",
        description="Send somebody a message about a topic at a given time.",
        phrasings=(
            "Write to {recipient} about the {topic} at {time}.",
            "At {time} send {recipient} a note on the {topic}.",
            "Tell {recipient} about the {topic}, but not before {time}.",
        ),
        values={"recipient": NAMES, "topic": TOPICS, "time": TIMES},
    ),
    CatalogueTool(
        name="book_table",
        description="Reserve a table in a restaurant.",
        phrasings=(
            "Book a table in {city} for {people} people at {time}.",
            "We are {people} and want to eat in {city} at {time}.",
            "At {time} we need a table for {people} in {city}.",
        ),
        values={"city": CITIES, "people": COUNTS, "time": TIMES},
    ),
    CatalogueTool(
        name="add_event",
        description="Put an event into the calendar.",
        phrasings=(
            "Put the {topic} with {person} on {day} into my calendar.",
            "On {day} I have the {topic} with {person}, note it down.",
            "{person} and I discuss the {topic} on {day}, add that.",
        ),
        values={"topic": TOPICS, "person": NAMES, "day": DAYS},
    ),
)
"""Six tools of three parameters each: integers, enumerations, patterns and free strings."""
