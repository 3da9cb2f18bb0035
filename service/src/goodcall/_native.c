/* Judges the completions of a group for tool_n1/hardened@1, as goodcall.rewards.tool_n1 does, where there is no doubt.

The Python there is the reference. This answers what it answers, or says that it is in doubt: whatever is unusual or
rare is left to Python, so nothing here has to be complete, only right. A doubt is NULL without an exception, an error is
NULL with one. Nothing is kept from call to call. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 64,  /* brackets open at once, as in goodcall.strict_json */
    MAX_NUMBER = 63, /* characters of a number; more are rare */
    MAX_SHORT_DIGITS = 18, /* of an integer that fits into 64 bits for sure */
    MAX_CALLS = 16,  /* that are matched with each other, which takes the square */
};

/* What is answered, in the order of goodcall.native.OUTCOMES. */
typedef enum {
    RIGHT,
    THINK_MISSING,
    JSON_INVALID,
    CALL_WANTED,
    CALL_NOT_WANTED,
    TOOL_UNKNOWN,
    ARGUMENTS_INVALID,
    CALL_MISSING,
    CALL_EXTRA,
    TOOL_WRONG,
    ARGUMENTS_WRONG,
    OUTCOMES,
    UNKNOWN = -1,     /* a doubt or an error */
    MAKES_CALLS = -2, /* which are yet to be judged */
} Outcome;

typedef struct {
    PyObject *known;      /* dict: verdicts by call block */
    PyObject *judged;     /* the same, of this call; NULL while there are none */
    PyObject *validators; /* dict: what tells whether arguments are valid, by name of a tool; or None */
    PyObject *names;      /* tuple: the names of the expected calls */
    PyObject *arguments;  /* tuple: their arguments */
    PyObject *verdicts;   /* tuple: by Outcome */
} Task;

typedef struct {
    PyObject *name; /* borrowed from the payload, like the arguments */
    PyObject *arguments;
} Call;

/* The part of a str that is yet to be read: from `at` up to `end`. */
typedef struct {
    PyObject *text;
    const void *data;
    int kind;
    Py_ssize_t at;
    Py_ssize_t end;
} Cursor;

/* What is yet to be read of a JSON text in UTF-8. A NUL stands at the end, and is accepted nowhere. */
typedef struct {
    const char *at;
    const char *end;
    int depth;
    int is_broken; /* whether reading stopped because the text is no JSON whatever follows */
} Reader;

/* ---- The form: what is between the tags ---- */

static inline Py_UCS4 read_at(const Cursor *cursor, Py_ssize_t at) {
    return PyUnicode_READ(cursor->kind, cursor->data, at);
}

/* The next character, or 0 at the end; a NUL itself is accepted nowhere. */
static inline Py_UCS4 peek(const Cursor *cursor) {
    return cursor->at < cursor->end ? read_at(cursor, cursor->at) : 0;
}

static inline int is_blank(Py_UCS4 character) {
    return character == ' ' || character == '\n' || character == '\t' || character == '\r';
}

static inline void skip_blanks(Cursor *cursor) {
    while (is_blank(peek(cursor))) {
        cursor->at++;
    }
}

static inline void drop_blanks_at_end(Cursor *cursor) {
    while (cursor->end > cursor->at && is_blank(read_at(cursor, cursor->end - 1))) {
        cursor->end--;
    }
}

static int stands_at(const Cursor *cursor, Py_ssize_t at, const char *ascii, Py_ssize_t length) {
    if (at < cursor->at || length > cursor->end - at) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < length; i++) {
        if (read_at(cursor, at + i) != (Py_UCS4)ascii[i]) {
            return 0;
        }
    }
    return 1;
}

/* Whether the text goes on with some ASCII; if so, the cursor moves past it. */
static int take(Cursor *cursor, const char *ascii, Py_ssize_t length) {
    int stands = stands_at(cursor, cursor->at, ascii, length);
    cursor->at += stands ? length : 0;
    return stands;
}

/* Whether the text ends with some ASCII; if so, the end moves before it. */
static int take_at_end(Cursor *cursor, const char *ascii, Py_ssize_t length) {
    int stands = stands_at(cursor, cursor->end - length, ascii, length);
    cursor->end -= stands ? length : 0;
    return stands;
}

#define TAKE(cursor, literal) take(cursor, literal, (Py_ssize_t)sizeof(literal) - 1)
#define TAKE_AT_END(cursor, literal) take_at_end(cursor, literal, (Py_ssize_t)sizeof(literal) - 1)

/* Where a character comes next; -1 where it does not, -2 on an error. */
static Py_ssize_t find(const Cursor *cursor, Py_UCS4 character) {
    return PyUnicode_FindChar(cursor->text, character, cursor->at, cursor->end, 1);
}

/* Whether everything up to a place is blank to Python; the cursor moves to what is not. */
static int is_blank_up_to(Cursor *cursor, Py_ssize_t end) {
    while (cursor->at < end && Py_UNICODE_ISSPACE(read_at(cursor, cursor->at))) {
        cursor->at++;
    }
    return cursor->at == end;
}

static void drop_end_of_turn(Cursor *cursor) {
    while (TAKE_AT_END(cursor, "<|im_end|>") || TAKE_AT_END(cursor, "<|endoftext|>") ||
           TAKE_AT_END(cursor, "<|eot_id|>") || TAKE_AT_END(cursor, "<|end_of_text|>") ||
           TAKE_AT_END(cursor, "</s>")) {
        drop_blanks_at_end(cursor);
    }
}

/* Where the text makes calls, the cursor is then what stands in their block. */
static Outcome read_form(Cursor *cursor) {
    skip_blanks(cursor);
    drop_blanks_at_end(cursor);
    Py_ssize_t bar = find(cursor, '|');
    if (bar >= 0) {
        drop_end_of_turn(cursor);
        bar = find(cursor, '|');
    }
    if (bar != -1) {
        return UNKNOWN; /* there may be a chat marker, or an error */
    }
    if (!TAKE(cursor, "<think>")) {
        return THINK_MISSING;
    }
    Py_ssize_t end_of_reasoning = find(cursor, '<');
    if (end_of_reasoning < 0 || is_blank_up_to(cursor, end_of_reasoning)) {
        return UNKNOWN;
    }
    cursor->at = end_of_reasoning;
    if (!TAKE(cursor, "</think>")) {
        return UNKNOWN;
    }
    skip_blanks(cursor);
    if (!TAKE(cursor, "<tool_call>")) {
        return find(cursor, '<') == -1 && !is_blank_up_to(cursor, cursor->end) ? CALL_WANTED : UNKNOWN;
    }
    if (!TAKE_AT_END(cursor, "</tool_call>")) {
        return UNKNOWN;
    }
    skip_blanks(cursor);
    drop_blanks_at_end(cursor);
    return MAKES_CALLS;
}

/* ---- JSON ---- */

static PyObject *read_value(Reader *reader);

static void *broken(Reader *reader) {
    reader->is_broken = 1;
    return NULL;
}

static inline void skip_spaces(Reader *reader) {
    while (is_blank((unsigned char)*reader->at)) {
        reader->at++;
    }
}

/* Whether a character comes next; if so, the reader moves past it. */
static inline int take_char(Reader *reader, char character) {
    int comes = *reader->at == character;
    reader->at += comes;
    return comes;
}

/* The same after blanks. */
static inline int take_token(Reader *reader, char token) {
    skip_spaces(reader);
    return take_char(reader, token);
}

/* Whether a word comes next; if so, the reader moves past it. */
static int take_word(Reader *reader, const char *word) {
    size_t length = strlen(word);
    /* The NUL at the end ends the comparison in time. */
    int comes = strncmp(reader->at, word, length) == 0;
    reader->at += comes ? length : 0;
    return comes;
}

/* The four hexadecimal digits that come next, or -1. */
static long take_code_unit(Reader *reader) {
    long unit = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = *reader->at ? strchr(digits, *reader->at) : NULL;
        if (digit == NULL) {
            return -1;
        }
        unit = unit * 16 + (digit - digits) % 16;
        reader->at++;
    }
    return unit;
}

/* The character that an escape stands for, or -1; the reader is behind the backslash. */
static long take_escape(Reader *reader) {
    if (!take_char(reader, 'u')) {
        const char *letters = "\"\\/bfnrt";
        const char *found = *reader->at ? strchr(letters, *reader->at) : NULL;
        reader->at += found != NULL;
        return found ? "\"\\/\b\f\n\r\t"[found - letters] : -1;
    }
    long unit = take_code_unit(reader);
    if (unit < 0xD800 || unit > 0xDFFF) {
        return unit;
    }
    long low = unit < 0xDC00 && take_word(reader, "\\u") ? take_code_unit(reader) : -1;
    return low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00) : -1;
}

/* Writes a character in UTF-8: where the next one goes. */
static char *write_utf8(char *to, long character) {
    if (character < 0x80) {
        *to++ = (char)character;
    } else if (character < 0x800) {
        *to++ = (char)(0xC0 | character >> 6);
        *to++ = (char)(0x80 | (character & 0x3F));
    } else if (character < 0x10000) {
        *to++ = (char)(0xE0 | character >> 12);
        *to++ = (char)(0x80 | (character >> 6 & 0x3F));
        *to++ = (char)(0x80 | (character & 0x3F));
    } else {
        *to++ = (char)(0xF0 | character >> 18);
        *to++ = (char)(0x80 | (character >> 12 & 0x3F));
        *to++ = (char)(0x80 | (character >> 6 & 0x3F));
        *to++ = (char)(0x80 | (character & 0x3F));
    }
    return to;
}

/* Whether a byte stands in a string for itself, or for a part of what does. */
static inline int is_plain(char byte) { return (unsigned char)byte >= 0x20 && byte != '"' && byte != '\\'; }

/* A string that is written with escapes; the reader is behind its first quote. */
static PyObject *read_escaped_string(Reader *reader) {
    const char *close = reader->at;
    while (close < reader->end && *close != '"') {
        close += *close == '\\' ? 2 : 1;
    }
    if (close >= reader->end) {
        return broken(reader);
    }
    /* Nothing is longer than it is written. */
    char *characters = PyMem_Malloc((size_t)(close - reader->at));
    if (characters == NULL) {
        return PyErr_NoMemory();
    }
    char *to = characters;
    long character = 0;
    while (reader->at < close && character >= 0) {
        if (is_plain(*reader->at)) {
            *to++ = *reader->at++;
        } else {
            character = take_char(reader, '\\') ? take_escape(reader) : -1;
            to = character < 0 ? to : write_utf8(to, character);
        }
    }
    reader->at = close + 1;
    PyObject *string = character < 0 ? NULL : PyUnicode_DecodeUTF8(characters, to - characters, NULL);
    PyMem_Free(characters);
    return string;
}

static PyObject *new_string(const char *utf8, Py_ssize_t length, int is_ascii) {
    if (!is_ascii) {
        return PyUnicode_DecodeUTF8(utf8, length, NULL);
    }
    PyObject *string = PyUnicode_New(length, 127);
    if (string != NULL) {
        memcpy(PyUnicode_DATA(string), utf8, (size_t)length);
    }
    return string;
}

/* A string; the reader is behind its first quote. */
static PyObject *read_string(Reader *reader) {
    const char *start = reader->at;
    unsigned char bits = 0;
    while (is_plain(*reader->at)) {
        bits |= (unsigned char)*reader->at++;
    }
    if (*reader->at == '"') {
        return new_string(start, reader->at++ - start, bits < 0x80);
    }
    if (*reader->at == '\\') {
        reader->at = start;
        return read_escaped_string(reader);
    }
    return broken(reader);
}

static Py_ssize_t skip_digits(Reader *reader) {
    const char *start = reader->at;
    while (*reader->at >= '0' && *reader->at <= '9') {
        reader->at++;
    }
    return reader->at - start;
}

static PyObject *read_number(Reader *reader) {
    const char *start = reader->at;
    int is_negative = take_char(reader, '-');
    int starts_with_zero = *reader->at == '0';
    Py_ssize_t digits = skip_digits(reader);
    if (digits == 0) {
        /* NaN and Infinity have a reason of their own. */
        return is_negative || *reader->at == 'N' || *reader->at == 'I' ? NULL : broken(reader);
    }
    int is_double = take_char(reader, '.');
    int is_right = !(starts_with_zero && digits > 1) && (!is_double || skip_digits(reader));
    if (take_char(reader, 'e') || take_char(reader, 'E')) {
        is_double = take_char(reader, '-') || take_char(reader, '+') || 1;
        is_right = is_right && skip_digits(reader);
    }
    Py_ssize_t length = reader->at - start;
    if (!is_right || length > MAX_NUMBER) {
        return NULL;
    }
    char written[MAX_NUMBER + 1] = {0};
    memcpy(written, start, (size_t)length);
    if (!is_double) {
        return digits <= MAX_SHORT_DIGITS ? PyLong_FromLongLong(strtoll(written, NULL, 10))
                                          : PyLong_FromString(written, NULL, 10);
    }
    double number = PyOS_string_to_double(written, NULL, NULL);
    return !isfinite(number) || (number == -1.0 && PyErr_Occurred()) ? NULL : PyFloat_FromDouble(number);
}

/* Reads one member into an object; -1 on a doubt or an error. */
static int read_member(Reader *reader, PyObject *object) {
    PyObject *key = take_token(reader, '"') ? read_string(reader) : broken(reader);
    if (key == NULL) {
        return -1;
    }
    PyObject *value = take_token(reader, ':') ? read_value(reader) : broken(reader);
    Py_ssize_t size = PyDict_GET_SIZE(object);
    int is_set = value != NULL && PyDict_SetItem(object, key, value) == 0;
    Py_DECREF(key);
    Py_XDECREF(value);
    /* An object that does not grow has had the key before. */
    return is_set && PyDict_GET_SIZE(object) > size ? 0 : -1;
}

static int append_element(Reader *reader, PyObject *list) {
    PyObject *element = read_value(reader);
    int is_appended = element != NULL && PyList_Append(list, element) == 0;
    Py_XDECREF(element);
    return is_appended ? 0 : -1;
}

/* Reads into an empty object or list up to its closing bracket. Takes over the reference to it. */
static PyObject *fill(Reader *reader, PyObject *container, char close, int (*read_one)(Reader *, PyObject *)) {
    int is_filled = container != NULL && ++reader->depth <= MAX_DEPTH;
    if (is_filled && !take_token(reader, close)) {
        do {
            is_filled = read_one(reader, container) == 0;
        } while (is_filled && take_token(reader, ','));
        if (is_filled && !take_token(reader, close)) {
            is_filled = 0;
            broken(reader);
        }
    }
    reader->depth--;
    if (!is_filled) {
        Py_CLEAR(container);
    }
    return container;
}

static PyObject *read_value(Reader *reader) {
    if (take_token(reader, '"')) {
        return read_string(reader);
    }
    if (take_char(reader, '{')) {
        return fill(reader, PyDict_New(), '}', read_member);
    }
    if (take_char(reader, '[')) {
        return fill(reader, PyList_New(0), ']', append_element);
    }
    if (take_word(reader, "true")) {
        Py_RETURN_TRUE;
    }
    if (take_word(reader, "false")) {
        Py_RETURN_FALSE;
    }
    if (take_word(reader, "null")) {
        Py_RETURN_NONE;
    }
    return read_number(reader);
}

/* The value that a whole JSON text is. */
static PyObject *read_text(Reader *reader) {
    PyObject *value = read_value(reader);
    skip_spaces(reader);
    if (value != NULL && reader->at < reader->end) {
        Py_CLEAR(value);
        broken(reader);
    }
    return value;
}

/* ---- Calls ---- */

/* Finds the calls in a decoded payload, as many as are said to be there; -1 where they are, for sure, not all calls. */
static int find_calls(PyObject *payload, Call *calls, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *call = PyList_Check(payload) ? PyList_GET_ITEM(payload, i) : payload;
        if (!PyDict_Check(call) || PyDict_GET_SIZE(call) != 2) {
            return -1;
        }
        PyObject *key, *value;
        calls[i] = (Call){NULL, NULL};
        for (Py_ssize_t at = 0; PyDict_Next(call, &at, &key, &value);) {
            if (PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(key, "name") == 0) {
                calls[i].name = value;
            } else if (PyDict_Check(value) && PyUnicode_CompareWithASCIIString(key, "arguments") == 0) {
                calls[i].arguments = value;
            }
        }
        if (calls[i].name == NULL || calls[i].arguments == NULL) {
            return -1;
        }
    }
    return 0;
}

/* How close two values have to be. */
typedef enum {
    AS_JSON, /* 1 equals 1.0 */
    AS_TYPED /* it does not */
} Equality;

/* Whether two values are equal, one of them at most MAX_DEPTH deep; -1 on an error. */
static int equal(PyObject *one, PyObject *other, Equality equality) {
    if (one == other) {
        return 1;
    }
    /* To Python, True equals 1. */
    if (PyBool_Check(one) || PyBool_Check(other)) {
        return 0;
    }
    int are_dicts = PyDict_Check(one) && PyDict_Check(other);
    int are_lists = PyList_Check(one) && PyList_Check(other);
    if (!are_dicts && !are_lists) {
        return equality == AS_TYPED && Py_TYPE(one) != Py_TYPE(other) ? 0
                                                                      : PyObject_RichCompareBool(one, other, Py_EQ);
    }
    if (PyObject_Size(one) != PyObject_Size(other)) {
        return 0;
    }
    int answer = 1;
    if (are_lists) {
        for (Py_ssize_t i = 0; answer == 1 && i < PyList_GET_SIZE(one); i++) {
            answer = equal(PyList_GET_ITEM(one, i), PyList_GET_ITEM(other, i), equality);
        }
    } else {
        PyObject *key, *value;
        for (Py_ssize_t i = 0; answer == 1 && PyDict_Next(one, &i, &key, &value);) {
            PyObject *counterpart = PyDict_GetItemWithError(other, key);
            answer = counterpart ? equal(value, counterpart, equality) : PyErr_Occurred() ? -1 : 0;
        }
    }
    return answer;
}

static int names_are_equal(const Task *task, const Call *call, Py_ssize_t expected) {
    return PyObject_RichCompareBool(call->name, PyTuple_GET_ITEM(task->names, expected), Py_EQ);
}

static int are_equal(const Task *task, const Call *call, Py_ssize_t expected) {
    int answer = names_are_equal(task, call, expected);
    return answer == 1 ? equal(call->arguments, PyTuple_GET_ITEM(task->arguments, expected), AS_JSON) : answer;
}

static int are_equally_typed(const Task *task, const Call *call, Py_ssize_t expected) {
    int answer = names_are_equal(task, call, expected);
    return answer == 1 ? equal(call->arguments, PyTuple_GET_ITEM(task->arguments, expected), AS_TYPED) : answer;
}

/* Whether calls are the expected ones by some comparison, as many as they are, in any order; -1 on an error. */
static int match(const Task *task, const Call *calls, Py_ssize_t count, int (*compare)(const Task *, const Call *, Py_ssize_t)) {
    unsigned matched = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        int answer = 0;
        for (Py_ssize_t j = 0; j < count && answer == 0; j++) {
            if (!(matched >> j & 1)) {
                answer = compare(task, &calls[i], j);
                matched |= (unsigned)(answer == 1) << j;
            }
        }
        if (answer != 1) {
            return answer;
        }
    }
    return 1;
}

/* Checks one call against the tools; RIGHT where nothing is wrong. */
static Outcome check(const Task *task, const Call *call) {
    PyObject *is_valid = PyDict_GetItemWithError(task->validators, call->name);
    if (is_valid == NULL) {
        return PyErr_Occurred() ? UNKNOWN : TOOL_UNKNOWN;
    }
    if (is_valid == Py_None) {
        return RIGHT;
    }
    PyObject *answer = PyObject_CallOneArg(is_valid, call->arguments);
    int is_true = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return is_true < 0 ? UNKNOWN : is_true ? RIGHT : ARGUMENTS_INVALID;
}

static Outcome judge_calls(const Task *task, const Call *calls, Py_ssize_t count) {
    Py_ssize_t expected = PyTuple_GET_SIZE(task->names);
    if (count == expected && count > MAX_CALLS) {
        return UNKNOWN;
    }
    if (count == 0) {
        return expected ? CALL_WANTED : RIGHT;
    }
    if (expected == 0) {
        return CALL_NOT_WANTED;
    }
    /* The expected calls are valid, so what is the same to a validator need not be shown to it. */
    int answer = count == expected ? match(task, calls, count, are_equally_typed) : 0;
    if (answer != 0) {
        return answer < 0 ? UNKNOWN : RIGHT;
    }
    for (Py_ssize_t i = 0; task->validators != Py_None && i < count; i++) {
        Outcome outcome = check(task, &calls[i]);
        if (outcome != RIGHT) {
            return outcome;
        }
    }
    if (count != expected) {
        return count < expected ? CALL_MISSING : CALL_EXTRA;
    }
    answer = match(task, calls, count, are_equal);
    if (answer == 0) {
        answer = match(task, calls, count, names_are_equal);
        return answer < 0 ? UNKNOWN : answer ? ARGUMENTS_WRONG : TOOL_WRONG;
    }
    return answer < 0 ? UNKNOWN : RIGHT;
}

static Outcome judge_payload(const Task *task, PyObject *payload) {
    Py_ssize_t count = PyList_Check(payload) ? PyList_GET_SIZE(payload) : 1;
    Call few[MAX_CALLS];
    Call *calls = count <= MAX_CALLS ? few : PyMem_New(Call, (size_t)count);
    if (calls == NULL) {
        PyErr_NoMemory();
        return UNKNOWN;
    }
    Outcome outcome = find_calls(payload, calls, count) < 0 ? UNKNOWN : judge_calls(task, calls, count);
    if (calls != few) {
        PyMem_Free(calls);
    }
    return outcome;
}

/* Judges what stands in a call block. */
static Outcome judge_block(const Task *task, PyObject *block) {
    Py_ssize_t length;
    const char *json = PyUnicode_AsUTF8AndSize(block, &length);
    if (json == NULL) {
        /* A raw surrogate has no UTF-8. */
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();
        }
        return UNKNOWN;
    }
    Reader reader = {.at = json, .end = json + length};
    PyObject *payload = read_text(&reader);
    if (payload == NULL) {
        /* A tag anywhere in it would give another reason. */
        int is_sure = reader.is_broken && memchr(json, '<', (size_t)length) == NULL;
        return is_sure && !PyErr_Occurred() ? JSON_INVALID : UNKNOWN;
    }
    Outcome outcome = judge_payload(task, payload);
    Py_DECREF(payload);
    return outcome;
}

/* ---- Groups ---- */

/* The verdict on a call block that the task knows, borrowed; NULL where it does not, or on an error. They are few, and
looking at each of them costs less than to make a str of the block. */
static PyObject *find_known(const Task *task, const Cursor *cursor) {
    PyObject *block, *verdict;
    for (Py_ssize_t i = 0; PyDict_Next(task->known, &i, &block, &verdict);) {
        if (PyUnicode_Check(block) && PyUnicode_GET_LENGTH(block) == cursor->end - cursor->at) {
            Py_ssize_t stands = PyUnicode_Tailmatch(cursor->text, block, cursor->at, cursor->end, -1);
            if (stands) {
                return stands < 0 ? NULL : verdict;
            }
        }
    }
    return NULL;
}

/* The verdict on a call block that was met before, borrowed; NULL where it was not, or on an error. */
static PyObject *find_judged(const Task *task, PyObject *block) {
    return task->judged ? PyDict_GetItemWithError(task->judged, block) : NULL;
}

static int remember(Task *task, PyObject *block, PyObject *verdict) {
    if (task->judged == NULL) {
        task->judged = PyDict_New();
    }
    return task->judged ? PyDict_SetItem(task->judged, block, verdict) : -1;
}

/* The verdict on a str, or NULL. */
static PyObject *judge(Task *task, PyObject *text) {
    Cursor cursor = {
        .text = text,
        .data = PyUnicode_DATA(text),
        .kind = (int)PyUnicode_KIND(text),
        .end = PyUnicode_GET_LENGTH(text),
    };
    Outcome outcome = read_form(&cursor);
    PyObject *block = NULL;
    if (outcome == MAKES_CALLS) {
        PyObject *met = find_known(task, &cursor);
        if (met != NULL || PyErr_Occurred()) {
            return Py_XNewRef(met);
        }
        block = PyUnicode_Substring(text, cursor.at, cursor.end);
        met = block ? find_judged(task, block) : NULL;
        if (met != NULL) {
            Py_DECREF(block);
            return Py_NewRef(met);
        }
        outcome = PyErr_Occurred() ? UNKNOWN : judge_block(task, block);
    } else if (outcome == CALL_WANTED && PyTuple_GET_SIZE(task->names) == 0) {
        outcome = RIGHT;
    }
    PyObject *verdict = outcome == UNKNOWN ? NULL : PyTuple_GET_ITEM(task->verdicts, outcome);
    if (block != NULL && verdict != NULL && remember(task, block, verdict) < 0) {
        verdict = NULL;
    }
    Py_XDECREF(block);
    return Py_XNewRef(verdict);
}

/* The most bytes of UTF-8 that a str can have, going by its length and its widest character. */
static Py_ssize_t utf8_bound(PyObject *text) {
    int bytes = PyUnicode_IS_ASCII(text) ? 1 : PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND ? 2
                                           : PyUnicode_KIND(text) == PyUnicode_2BYTE_KIND ? 3
                                                                                          : 4;
    return PyUnicode_GET_LENGTH(text) * bytes;
}

/* The verdict on a completion of any kind, or NULL. */
static PyObject *judge_any(Task *task, PyObject *completion, Py_ssize_t max_bytes) {
    if (!PyUnicode_CheckExact(completion)) {
        return NULL;
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(completion) < 0) {
        return NULL;
    }
#endif
    return utf8_bound(completion) <= max_bytes ? judge(task, completion) : NULL;
}

static int append_index(PyObject *list, Py_ssize_t index) {
    PyObject *number = PyLong_FromSsize_t(index);
    int is_appended = number != NULL && PyList_Append(list, number) == 0;
    Py_XDECREF(number);
    return is_appended ? 0 : -1;
}

/* Puts a verdict on each completion into a list that is as long, None where in doubt; -1 on an error. */
static int fill_verdicts(Task *task, PyObject *completions, Py_ssize_t max_bytes, PyObject *verdicts,
                         PyObject *doubts) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(completions); i++) {
        PyObject *verdict = judge_any(task, PyTuple_GET_ITEM(completions, i), max_bytes);
        if (verdict == NULL && (PyErr_Occurred() || append_index(doubts, i) < 0)) {
            return -1;
        }
        PyList_SET_ITEM(verdicts, i, verdict ? verdict : Py_NewRef(Py_None));
    }
    return 0;
}

/* Takes a goodcall.native.NativeTask apart, without references of its own; -1 where something does not fit. */
static int read_task(Task *task, PyObject *given, PyObject *verdicts) {
    if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) != 4 || !PyTuple_Check(verdicts) ||
        PyTuple_GET_SIZE(verdicts) != OUTCOMES) {
        return -1;
    }
    *task = (Task){
        .known = PyTuple_GET_ITEM(given, 0),
        .validators = PyTuple_GET_ITEM(given, 1),
        .names = PyTuple_GET_ITEM(given, 2),
        .arguments = PyTuple_GET_ITEM(given, 3),
        .verdicts = verdicts,
    };
    int are_kinds_right = PyDict_Check(task->known) && (task->validators == Py_None || PyDict_Check(task->validators)) &&
                          PyTuple_Check(task->names) && PyTuple_Check(task->arguments);
    return are_kinds_right && PyTuple_GET_SIZE(task->names) == PyTuple_GET_SIZE(task->arguments) ? 0 : -1;
}

static PyObject *judge_group(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count) {
    Task task;
    if (count != 4 || !PyLong_Check(arguments[1]) || read_task(&task, arguments[2], arguments[3]) < 0) {
        PyErr_SetString(PyExc_TypeError, "judge_group: the arguments don't fit together; see goodcall.native");
        return NULL;
    }
    Py_ssize_t max_bytes = PyLong_AsSsize_t(arguments[1]);
    /* Validators run Python, which could change a list. */
    PyObject *completions = max_bytes == -1 && PyErr_Occurred() ? NULL : PySequence_Tuple(arguments[0]);
    PyObject *verdicts = completions ? PyList_New(PyTuple_GET_SIZE(completions)) : NULL;
    PyObject *doubts = verdicts ? PyList_New(0) : NULL;
    PyObject *answer = NULL;
    if (doubts != NULL && fill_verdicts(&task, completions, max_bytes, verdicts, doubts) == 0) {
        answer = PyTuple_Pack(2, verdicts, doubts);
    }
    Py_XDECREF(completions);
    Py_XDECREF(verdicts);
    Py_XDECREF(doubts);
    Py_XDECREF(task.judged);
    return answer;
}

static PyMethodDef FUNCTIONS[] = {
    {"judge_group", (PyCFunction)(void (*)(void))judge_group, METH_FASTCALL, PyDoc_STR("See goodcall.native.JudgeGroup.")},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "goodcall._native",
    .m_doc = PyDoc_STR("Judges groups of completions where there is no doubt; goodcall.native is its door."),
    .m_methods = FUNCTIONS,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&MODULE); }
