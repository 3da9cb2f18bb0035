"""Made-up tools, and values that fit their parameters: as varied as the tools of a function-calling benchmark.

Every tool is valid JSON Schema and every value is valid under it. Nothing here knows tasks or completions.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
Tool: TypeAlias = dict[str, Any]

_ACTIONS = ("get", "find", "create", "update", "cancel", "list", "calculate", "convert", "book", "compare", "track")
_SUBJECTS = (
    *("weather_forecast", "flight", "hotel_room", "rental_car", "train_ticket", "restaurant_table", "recipe"),
    *("stock_price", "exchange_rate", "loan_payment", "mortgage", "invoice", "bank_transfer", "tax_return"),
    *("movie_showtime", "music_playlist", "podcast_episode", "news_article", "book_review", "museum_exhibit"),
    *("user_profile", "support_ticket", "calendar_event", "email_draft", "chat_message", "video_call", "contact"),
    *("docker_container", "database_record", "git_commit", "build_job", "dns_record", "log_entry", "file_upload"),
    *("triangle_area", "matrix_product", "prime_factors", "derivative", "probability", "orbital_period"),
    *("crime_rate", "court_case", "patent", "genome_sequence", "blood_test", "medication", "workout_plan"),
    *("air_quality", "solar_panel", "water_usage", "carbon_footprint", "plant_watering", "soil_sample"),
    *("order_status", "product_review", "shopping_cart", "gift_card", "warehouse_stock", "delivery_slot"),
    *("taxi_ride", "bus_route", "parking_spot", "city_tour", "concert_ticket", "football_match", "chess_game"),
)

_CITIES = ("Oslo", "San Francisco, CA", "Lima", "Nairobi", "Berlin", "New York, NY", "Kyoto", "Paris, France", "Perth")
_FOREIGN_CITIES = ("São Paulo", "Zürich", "東京", "Kraków", "Łódź", "Reykjavík")
_PEOPLE = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Emmy Noether", "Rosalind Franklin", "Niels Bohr")
_DATES = ("2024-03-15", "2023-11-01", "next Friday", "2025-01-31T09:30:00", "12/24/2023", "tomorrow")
_WORDS = ("wireless headphones", "deep learning", "vegan lasagne", "climate change", "jazz", "contract law", "solar")
_IDS = ("A-10042", "user_8812", "XK92-77B", "8f14e45f", "INV-2023-0091", "1029384756")
_TEXTS = (
    "Please confirm the booking and send the details by email.",
    "The last delivery arrived damaged, so a replacement is needed before the weekend.",
    "Reminder: the review starts at nine; bring the figures of the second quarter.",
)

STRINGS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("location", "city", "origin", "destination", "venue"), _CITIES),
    **dict.fromkeys(("date", "start_date", "end_date", "departure_time"), _DATES),
    **dict.fromkeys(("name", "author", "customer_name", "recipient"), _PEOPLE),
    **dict.fromkeys(("query", "keyword", "topic", "title", "product", "ingredient"), _WORDS),
    **dict.fromkeys(("id", "user_id", "order_number", "account", "reference"), _IDS),
    **dict.fromkeys(("message", "notes", "summary"), _TEXTS),
}
ENUMS: Mapping[str, tuple[str, ...]] = {
    "unit": ("celsius", "fahrenheit", "kelvin"),
    "currency": ("USD", "EUR", "GBP", "JPY", "INR"),
    "sort_by": ("relevance", "price", "rating", "distance", "newest"),
    "seat_class": ("economy", "premium_economy", "business", "first"),
    "format": ("json", "csv", "pdf", "html"),
    "language": ("en", "de", "fr", "es", "pt", "ja", "zh"),
    "cuisine": ("Italian", "Thai", "Mexican", "Indian", "Japanese", "Ethiopian", "Greek", "Vegetarian", "dontcare"),
    "priority": ("low", "medium", "high", "urgent"),
    "method": ("mean", "median", "linear", "simpson", "trapezoid"),
    "status": ("open", "pending", "closed"),
}
INTEGERS = ("days", "limit", "year", "quantity", "number_of_seats", "page", "age", "duration_minutes", "floor")
NUMBERS = ("amount", "price", "latitude", "longitude", "interest_rate", "weight", "radius", "distance_km", "voltage")
BOOLEANS = ("include_tax", "verbose", "is_member", "round_trip", "refundable", "notify", "wheelchair_access")
ARRAYS: Mapping[str, str] = {
    **dict.fromkeys(("tags", "attendees", "fields", "amenities"), "string"),
    **dict.fromkeys(("ids", "scores", "years"), "integer"),
    **dict.fromkeys(("coordinates", "values", "vector"), "number"),
}
OBJECTS: Mapping[str, tuple[str, ...]] = {
    "address": ("city", "notes", "floor"),
    "filters": ("price", "sort_by", "limit", "refundable"),
    "options": ("language", "format", "verbose"),
    "payment": ("amount", "currency", "account"),
    "person": ("name", "age", "location", "tags"),
}

_SCALARS = {
    **dict.fromkeys(INTEGERS, "integer"),
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys(BOOLEANS, "boolean"),
}
_TYPE_SHARES = {"string": 50, "enum": 16, "integer": 14, "boolean": 9.5, "number": 5, "array": 3, "object": 2.5}
_KEYS_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    "string": tuple(STRINGS),
    "enum": tuple(ENUMS),
    "integer": INTEGERS,
    "boolean": BOOLEANS,
    "number": NUMBERS,
    "array": tuple(ARRAYS),
    "object": tuple(OBJECTS),
}
_PARAMETER_COUNTS = {0: 2, 1: 9, 2: 27, 3: 29, 4: 17, 5: 8, 6: 4, 7: 2, 8: 1, 11: 0.6, 20: 0.2}
"""How many parameters a tool has, and how often."""

_ROLES = (
    "The {key} of the {subject}.",
    "The {key} for which the {subject} is wanted.",
    "Which {key} the {subject} has; taken as it is given.",
    "The {key} that the {subject} must have to be considered at all.",
)
_ASIDES = (
    " Case matters.",
    " Optional.",
    " Defaults to what the account has set.",
    " Use 'dontcare' to leave it open.",
    " For example, as it is printed on the receipt of the {subject}.",
    " Dates are read in the local time of the place that they belong to.",
)
_PURPOSES = (
    "{action} a {subject}.",
    "{action} a {subject} by its parameters and return what was found.",
    "{action} the {subject} that fits best, with everything known about it, in the order of its relevance.",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What string values may be drawn from beside the usual."""

    foreign: bool = False
    """Whether places have names that are not ASCII."""


def make_tool(rng: random.Random, index: int) -> Tool:
    """The tool of an index: its name is its own, its parameters are drawn."""
    action, subject = _ACTIONS[index // len(_SUBJECTS) % len(_ACTIONS)], _SUBJECTS[index % len(_SUBJECTS)]
    words = subject.replace("_", " ")
    purpose = rng.choice(_PURPOSES).format(action=action.capitalize(), subject=words)
    return {
        "type": "function",
        "function": {
            "name": _styled(rng, action, subject, index // (len(_SUBJECTS) * len(_ACTIONS))),
            "description": purpose + _aside(rng, words),
            "parameters": _make_parameters(rng, words),
        },
    }


def make_arguments(rng: random.Random, parameters: Schema, vocabulary: Vocabulary) -> dict[str, Any]:
    """Arguments that are valid under a tool's parameters: the required ones and some of the others."""
    return {
        key: make_value(rng, key, schema, vocabulary)
        for key, schema in parameters["properties"].items()
        if key in parameters["required"] or rng.random() < 0.5
    }


def make_value(rng: random.Random, key: str, schema: Schema, vocabulary: Vocabulary) -> Any:
    """A value that is valid under the schema of a parameter."""
    kind = schema["type"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if kind == "array":
        return [make_value(rng, key, schema["items"], vocabulary) for _ in range(rng.randint(1, 4))]
    if kind == "object":
        return make_arguments(rng, schema, vocabulary)
    if kind == "string":
        return rng.choice(_strings(key, vocabulary))
    return _make_scalar(rng, kind)


def _make_scalar(rng: random.Random, kind: str) -> float | bool:
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "integer":
        return rng.choice((1, 2, 3, 5, 10, 42, 100, 2023, 1500000))
    return rng.choice((0.5, 3.75, 37.7749, -122.4194, 1000.0, 99, 0.045, 2))


def _strings(key: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    usual = STRINGS.get(key, _WORDS)
    return _FOREIGN_CITIES if vocabulary.foreign and usual is _CITIES else usual


def _styled(rng: random.Random, action: str, subject: str, edition: int) -> str:
    suffix = f"_v{edition + 1}" if edition else ""
    camel = "".join(map(str.capitalize, subject.split("_")))
    return rng.choice((f"{action}_{subject}", f"{subject}.{action}", f"{camel}_1_{action.capitalize()}")) + suffix


def _make_parameters(rng: random.Random, subject: str) -> Schema:
    count = _drawn(rng, _PARAMETER_COUNTS)
    kinds = rng.choices(list(_TYPE_SHARES), list(_TYPE_SHARES.values()), k=count)
    keys = dict.fromkeys(rng.choice(_KEYS_BY_TYPE[kind]) for kind in kinds)
    return _object_schema(rng, tuple(keys), subject)


def _object_schema(rng: random.Random, keys: tuple[str, ...], subject: str) -> Schema:
    properties = {key: _described(rng, key, _value_schema(rng, key, subject), subject) for key in keys}
    required = [key for key in keys if "default" not in properties[key] and rng.random() < 0.85]
    return {"type": "object", "properties": properties, "required": required}


def _value_schema(rng: random.Random, key: str, subject: str) -> Schema:
    if key in ENUMS:
        return {"type": "string", "enum": list(ENUMS[key])}
    if key in ARRAYS:
        return {"type": "array", "items": {"type": ARRAYS[key]}}
    if key in OBJECTS:
        return _object_schema(rng, OBJECTS[key], subject)
    return {"type": _SCALARS.get(key, "string")}


def _described(rng: random.Random, key: str, schema: Schema, subject: str) -> Schema:
    role = rng.choice(_ROLES).format(key=key.replace("_", " "), subject=subject)
    described = {"type": schema["type"], "description": role + _aside(rng, subject), **schema}
    if schema["type"] not in {"array", "object"} and rng.random() < 0.3:
        described["default"] = make_value(rng, key, schema, Vocabulary())
    return described


def _aside(rng: random.Random, subject: str) -> str:
    return rng.choice(_ASIDES).format(subject=subject) if rng.random() < 0.25 else ""


def _drawn(rng: random.Random, shares: Mapping[int, float]) -> int:
    return rng.choices(list(shares), list(shares.values()))[0]
