/* Judges the completions of a group for tool_n1/hardened@1, as goodcall.rewards.tool_n1 does, where there is no doubt.

The Python there is the reference. This answers what it answers, or None: whatever is unusual or rare is left to it, so
nothing here has to be complete, only right. A doubt is NULL without an exception, an error is NULL with one. Nothing is
kept from call to call. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <string.h>

enum {
    MAX_DEPTH = 64,  /* brackets open at once, as in goodcall.strict_json */
    MAX_NUMBER = 63, /* characters of a number; more are rare */
    MAX_CALLS = 16,  /* in a block; matching takes the square */
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
    PyObject *judged;     /* dict: verdicts by call block */
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
    int depth;
    int is_broken; /* whether reading stopped because the text is no JSON whatever follows */
    Py_ssize_t at;
    Py_ssize_t end;
} Cursor;

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

/* ---- The form: what is between the tags ---- */

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
    if (find(cursor, '|') >= 0) {
        drop_end_of_turn(cursor);
    }
    if (find(cursor, '|') != -1) {
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

static PyObject *read_value(Cursor *cursor);

static void *broken(Cursor *cursor) {
    cursor->is_broken = 1;
    return NULL;
}

/* Whether a character comes next after blanks; if so, the cursor moves past it. */
static inline int take_token(Cursor *cursor, Py_UCS4 token) {
    skip_blanks(cursor);
    int comes = peek(cursor) == token;
    cursor->at += comes;
    return comes;
}

static inline int is_surrogate(Py_UCS4 character) { return character >= 0xD800 && character <= 0xDFFF; }

/* Whether a character stands for itself in a string. A str has no pairs of surrogates, only lone ones. */
static inline int is_plain(Py_UCS4 character) {
    return character >= 0x20 && character != '"' && character != '\\' && !is_surrogate(character);
}

#define SKIP_PLAIN(type)                                                                                               \
    while (at < cursor->end && is_plain(((const type *)cursor->data)[at])) {                                           \
        at++;                                                                                                          \
    }

static void skip_plain(Cursor *cursor) {
    Py_ssize_t at = cursor->at;
    if (cursor->kind == PyUnicode_1BYTE_KIND) {
        SKIP_PLAIN(Py_UCS1)
    } else if (cursor->kind == PyUnicode_2BYTE_KIND) {
        SKIP_PLAIN(Py_UCS2)
    } else {
        SKIP_PLAIN(Py_UCS4)
    }
    cursor->at = at;
}

/* The four hexadecimal digits that come next, or -1. */
static long take_code_unit(Cursor *cursor) {
    long unit = 0;
    for (int i = 0; i < 4; i++) {
        Py_UCS4 character = peek(cursor);
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = character && character < 128 ? strchr(digits, (int)character) : NULL;
        if (digit == NULL) {
            return -1;
        }
        unit = unit * 16 + (digit - digits) % 16;
        cursor->at++;
    }
    return unit;
}

/* The character that an escape stands for, or -1; the cursor is behind the backslash. */
static long take_escape(Cursor *cursor) {
    if (!TAKE(cursor, "u")) {
        Py_UCS4 letter = peek(cursor);
        const char *letters = "\"\\/bfnrt";
        const char *found = letter && letter < 128 ? strchr(letters, (int)letter) : NULL;
        cursor->at++;
        return found ? "\"\\/\b\f\n\r\t"[found - letters] : -1;
    }
    long unit = take_code_unit(cursor);
    if (unit < 0 || !is_surrogate((Py_UCS4)unit)) {
        return unit;
    }
    long low = unit < 0xDC00 && TAKE(cursor, "\\u") ? take_code_unit(cursor) : -1;
    return low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00) : -1;
}

/* A string that is written with escapes; the cursor is behind its first quote. */
static PyObject *read_escaped_string(Cursor *cursor) {
    Py_ssize_t close = cursor->at;
    while (close < cursor->end && read_at(cursor, close) != '"') {
        close += read_at(cursor, close) == '\\' ? 2 : 1;
    }
    if (close >= cursor->end) {
        return broken(cursor);
    }
    /* Nothing is longer than it is written. */
    Py_UCS4 *characters = PyMem_New(Py_UCS4, close - cursor->at);
    if (characters == NULL) {
        return PyErr_NoMemory();
    }
    Py_ssize_t length = 0;
    long character = 0;
    while (cursor->at < close && character >= 0) {
        Py_UCS4 raw = read_at(cursor, cursor->at++);
        character = raw == '\\' ? take_escape(cursor) : is_plain(raw) ? (long)raw : -1;
        characters[length++] = (Py_UCS4)character;
    }
    cursor->at++;
    PyObject *string = character < 0 ? NULL : PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, characters, length);
    PyMem_Free(characters);
    return string;
}

/* A string; the cursor is behind its first quote. */
static PyObject *read_string(Cursor *cursor) {
    Py_ssize_t start = cursor->at;
    skip_plain(cursor);
    Py_UCS4 stop = peek(cursor);
    if (stop == '"') {
        return PyUnicode_Substring(cursor->text, start, cursor->at++);
    }
    if (stop == '\\') {
        cursor->at = start;
        return read_escaped_string(cursor);
    }
    return is_surrogate(stop) ? NULL : broken(cursor);
}

static inline int is_digit(Py_UCS4 character) { return character >= '0' && character <= '9'; }

static Py_ssize_t skip_digits(Cursor *cursor) {
    Py_ssize_t start = cursor->at;
    while (is_digit(peek(cursor))) {
        cursor->at++;
    }
    return cursor->at - start;
}

static PyObject *read_number(Cursor *cursor) {
    Py_ssize_t start = cursor->at;
    int is_negative = TAKE(cursor, "-");
    int starts_with_zero = peek(cursor) == '0';
    Py_ssize_t digits = skip_digits(cursor);
    if (digits == 0) {
        Py_UCS4 next = peek(cursor);
        return is_negative || next == 'N' || next == 'I' ? NULL : broken(cursor);
    }
    int is_double = TAKE(cursor, ".");
    int is_right = !(starts_with_zero && digits > 1) && (!is_double || skip_digits(cursor));
    if (TAKE(cursor, "e") || TAKE(cursor, "E")) {
        is_double = TAKE(cursor, "-") || TAKE(cursor, "+") || 1;
        is_right = is_right && skip_digits(cursor);
    }
    Py_ssize_t length = cursor->at - start;
    if (!is_right || length > MAX_NUMBER) {
        return NULL;
    }
    char written[MAX_NUMBER + 1] = {0};
    for (Py_ssize_t i = 0; i < length; i++) {
        written[i] = (char)read_at(cursor, start + i);
    }
    if (!is_double) {
        return PyLong_FromString(written, NULL, 10);
    }
    double number = PyOS_string_to_double(written, NULL, NULL);
    return !isfinite(number) || (number == -1.0 && PyErr_Occurred()) ? NULL : PyFloat_FromDouble(number);
}

/* Reads one member into an object; -1 on a doubt or an error. */
static int read_member(Cursor *cursor, PyObject *object) {
    PyObject *key = take_token(cursor, '"') ? read_string(cursor) : broken(cursor);
    if (key == NULL) {
        return -1;
    }
    PyObject *value = take_token(cursor, ':') ? read_value(cursor) : broken(cursor);
    Py_ssize_t size = PyDict_GET_SIZE(object);
    int is_set = value != NULL && PyDict_SetItem(object, key, value) == 0;
    Py_DECREF(key);
    Py_XDECREF(value);
    /* An object that does not grow has had the key before. */
    return is_set && PyDict_GET_SIZE(object) > size ? 0 : -1;
}

static int append_element(Cursor *cursor, PyObject *list) {
    PyObject *element = read_value(cursor);
    int is_appended = element != NULL && PyList_Append(list, element) == 0;
    Py_XDECREF(element);
    return is_appended ? 0 : -1;
}

/* Reads into an empty object or list up to its closing bracket. Takes over the reference to it. */
static PyObject *fill(Cursor *cursor, PyObject *container, Py_UCS4 close, int (*read_one)(Cursor *, PyObject *)) {
    int is_filled = container != NULL && ++cursor->depth <= MAX_DEPTH;
    if (is_filled && !take_token(cursor, close)) {
        do {
            is_filled = read_one(cursor, container) == 0;
        } while (is_filled && take_token(cursor, ','));
        if (is_filled && !take_token(cursor, close)) {
            is_filled = 0;
            broken(cursor);
        }
    }
    cursor->depth--;
    if (!is_filled) {
        Py_CLEAR(container);
    }
    return container;
}

static PyObject *read_value(Cursor *cursor) {
    if (take_token(cursor, '"')) {
        return read_string(cursor);
    }
    if (take_token(cursor, '{')) {
        return fill(cursor, PyDict_New(), '}', read_member);
    }
    if (take_token(cursor, '[')) {
        return fill(cursor, PyList_New(0), ']', append_element);
    }
    if (TAKE(cursor, "true")) {
        Py_RETURN_TRUE;
    }
    if (TAKE(cursor, "false")) {
        Py_RETURN_FALSE;
    }
    if (TAKE(cursor, "null")) {
        Py_RETURN_NONE;
    }
    return read_number(cursor);
}

/* ---- Calls ---- */

/* Finds the calls in a decoded payload: how many they are; -1 where it is not, for sure, a few calls. */
static int find_calls(PyObject *payload, Call *calls) {
    Py_ssize_t count = PyList_Check(payload) ? PyList_GET_SIZE(payload) : 1;
    if (count > MAX_CALLS) {
        return -1;
    }
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
    return (int)count;
}

/* Whether two values are equal as JSON, one of them at most MAX_DEPTH deep; -1 on an error. */
static int equal(PyObject *one, PyObject *other) {
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
        return PyObject_RichCompareBool(one, other, Py_EQ);
    }
    if (PyObject_Size(one) != PyObject_Size(other)) {
        return 0;
    }
    int answer = 1;
    if (are_lists) {
        for (Py_ssize_t i = 0; answer == 1 && i < PyList_GET_SIZE(one); i++) {
            answer = equal(PyList_GET_ITEM(one, i), PyList_GET_ITEM(other, i));
        }
    } else {
        PyObject *key, *value;
        for (Py_ssize_t i = 0; answer == 1 && PyDict_Next(one, &i, &key, &value);) {
            PyObject *counterpart = PyDict_GetItemWithError(other, key);
            answer = counterpart ? equal(value, counterpart) : PyErr_Occurred() ? -1 : 0;
        }
    }
    return answer;
}

/* Whether calls equal the expected ones, as many as they are, in any order; -1 on an error. */
static int match(const Task *task, const Call *calls, int count, int by_name_only) {
    unsigned matched = 0;
    for (int i = 0; i < count; i++) {
        int answer = 0;
        for (int j = 0; j < count && answer == 0; j++) {
            if (!(matched >> j & 1)) {
                answer = equal(calls[i].name, PyTuple_GET_ITEM(task->names, j));
                if (answer == 1 && !by_name_only) {
                    answer = equal(calls[i].arguments, PyTuple_GET_ITEM(task->arguments, j));
                }
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

static Outcome judge_calls(const Task *task, const Call *calls, int count) {
    Py_ssize_t expected = PyTuple_GET_SIZE(task->names);
    if (count == 0) {
        return expected ? CALL_WANTED : RIGHT;
    }
    if (expected == 0) {
        return CALL_NOT_WANTED;
    }
    for (int i = 0; task->validators != Py_None && i < count; i++) {
        Outcome outcome = check(task, &calls[i]);
        if (outcome != RIGHT) {
            return outcome;
        }
    }
    if (count != expected) {
        return count < expected ? CALL_MISSING : CALL_EXTRA;
    }
    int answer = match(task, calls, count, 0);
    if (answer == 0) {
        answer = match(task, calls, count, 1);
        return answer < 0 ? UNKNOWN : answer ? ARGUMENTS_WRONG : TOOL_WRONG;
    }
    return answer < 0 ? UNKNOWN : RIGHT;
}

/* Judges what stands in a call block, which the cursor is. */
static Outcome judge_block(const Task *task, Cursor *cursor) {
    Py_ssize_t start = cursor->at;
    PyObject *payload = read_value(cursor);
    skip_blanks(cursor);
    if (payload != NULL && cursor->at < cursor->end) {
        Py_CLEAR(payload);
        broken(cursor);
    }
    if (payload == NULL) {
        /* A tag or a raw surrogate anywhere in it would give another reason. */
        cursor->at = start;
        int is_sure = cursor->is_broken && cursor->kind == PyUnicode_1BYTE_KIND && find(cursor, '<') == -1;
        return is_sure && !PyErr_Occurred() ? JSON_INVALID : UNKNOWN;
    }
    Call calls[MAX_CALLS];
    int count = find_calls(payload, calls);
    Outcome outcome = count < 0 ? UNKNOWN : judge_calls(task, calls, count);
    Py_DECREF(payload);
    return outcome;
}

/* ---- Groups ---- */

/* The verdict on a str, or NULL. */
static PyObject *judge(const Task *task, PyObject *text) {
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0) {
        return NULL;
    }
#endif
    Cursor cursor = {
        .text = text,
        .data = PyUnicode_DATA(text),
        .kind = (int)PyUnicode_KIND(text),
        .end = PyUnicode_GET_LENGTH(text),
    };
    Outcome outcome = read_form(&cursor);
    PyObject *body = NULL;
    if (outcome == MAKES_CALLS) {
        body = PyUnicode_Substring(text, cursor.at, cursor.end);
        PyObject *known = body ? PyDict_GetItemWithError(task->judged, body) : NULL;
        if (known != NULL) {
            Py_DECREF(body);
            return Py_NewRef(known);
        }
        outcome = PyErr_Occurred() ? UNKNOWN : judge_block(task, &cursor);
    } else if (outcome == CALL_WANTED && PyTuple_GET_SIZE(task->names) == 0) {
        outcome = RIGHT;
    }
    PyObject *verdict = outcome == UNKNOWN ? NULL : PyTuple_GET_ITEM(task->verdicts, outcome);
    if (body != NULL && verdict != NULL && PyDict_SetItem(task->judged, body, verdict) < 0) {
        verdict = NULL;
    }
    Py_XDECREF(body);
    return Py_XNewRef(verdict);
}

static PyObject *judge_group(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Task task;
    PyObject *sequence;
    if (!PyArg_ParseTuple(arguments, "OO!OO!O!O!", &sequence, &PyDict_Type, &task.judged, &task.validators,
                          &PyTuple_Type, &task.names, &PyTuple_Type, &task.arguments, &PyTuple_Type,
                          &task.verdicts)) {
        return NULL;
    }
    if ((task.validators != Py_None && !PyDict_Check(task.validators)) ||
        PyTuple_GET_SIZE(task.names) != PyTuple_GET_SIZE(task.arguments) ||
        PyTuple_GET_SIZE(task.verdicts) != OUTCOMES) {
        PyErr_SetString(PyExc_TypeError, "judge_group: what describes the task does not fit together");
        return NULL;
    }
    /* Validators run Python, which could change a list. */
    PyObject *texts = PySequence_Tuple(sequence);
    PyObject *answers = texts ? PyList_New(PyTuple_GET_SIZE(texts)) : NULL;
    for (Py_ssize_t i = 0; answers != NULL && i < PyTuple_GET_SIZE(texts); i++) {
        PyObject *text = PyTuple_GET_ITEM(texts, i);
        PyObject *verdict = PyUnicode_CheckExact(text) ? judge(&task, text) : NULL;
        if (verdict == NULL && PyErr_Occurred()) {
            Py_CLEAR(answers);
        } else {
            PyList_SET_ITEM(answers, i, verdict ? verdict : Py_NewRef(Py_None));
        }
    }
    Py_XDECREF(texts);
    return answers;
}

static PyMethodDef FUNCTIONS[] = {
    {"judge_group", judge_group, METH_VARARGS, PyDoc_STR("See goodcall.native.JudgeGroup.")},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "goodcall._native",
    .m_doc = PyDoc_STR("Judges groups of completions where there is no doubt; goodcall.native is its door."),
    .m_methods = FUNCTIONS,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&MODULE); }
