"""Rewrites a C++ source so that each of its decisions can be changed when the program runs.

No parser: tokens and brackets. It knows the habits of this code base (clang-format's spacing tells
a comparison from a template's bracket) and leaves alone what it does not know; what it gets wrong
does not compile. mutation.h.in holds what the rewritten sources call.
"""

import re

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<directive>^[ \t]*\#[^\n]*)
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+')
      | (?P<space>\s+)
      | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<number>[0-9][0-9A-Za-z_.']*)
      | (?P<punct><<=|>>=|->\*|<=>|\.\.\.|::|->|\+\+|--|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|/=|\|=|&=|<<|>>|.)
    """,
    re.X | re.S | re.M,
)
ORDERS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<")}
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*"}
ALGORITHMS = {"min": "max", "max": "min", "any_of": "all_of", "all_of": "any_of"}
CLOSING = {"(": ")", "[": "]", "{": "}"}
SEPARATORS = {";", ",", "?", ":", "=", "+=", "-=", "|=", "&=", "return", "else", "throw", "case"}
CALL = "claimstorm_mutation::"

# A statement that is an expression, with its brackets emptied and its words called w.
CHAIN = r"\*?w(?:::w|\.w|->w|<w(?:::w)*>|\(\)|\[\])*"
STATEMENT = re.compile(
    rf"(?:\+\+|--){CHAIN}|{CHAIN}(?:\+\+|--)|{CHAIN}\(\)|{CHAIN} (?:=|\+=|-=|\|=|&=) .*", re.S
)
NO_STATEMENT = {"return", "throw", "using", "static_assert", "break", "continue", "goto"}


class Token:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


class Item:
    """A token, or a bracket with all that is in it, rewritten."""

    def __init__(self, text, token):
        self.text, self.token = text, token
        self.of_template = False  # an argument of a template: constant

    def is_token(self, *texts):
        return self.token is not None and self.token.kind != "string" and self.text in texts

    def is_bracket(self, opening):
        return self.token is None and self.text.startswith(opening)

    def is_blank(self):
        return self.token is not None and self.token.kind in ("space", "comment", "directive")

    def shape(self):
        if self.token is None:
            return self.text[0] + CLOSING[self.text[0]]
        if self.is_blank():
            return " "
        return {"word": "w", "number": "n", "string": "s"}.get(self.token.kind, self.text)


class Rewriter:
    """Of one file. `add` is told of each change, (line, source of the line, change), and numbers
    them in a row."""

    def __init__(self, text, add):
        self.add_change = add
        self.lines = text.split("\n")
        self.tokens = []
        line = 1
        for match in TOKEN.finditer(text):
            self.tokens.append(Token(match.lastgroup, match.group(), line))
            line += match.group().count("\n")

    def add(self, token, change):
        return self.add_change(token.line, " ".join(self.lines[token.line - 1].split()), change)

    def rewritten(self):
        items, end = self.items_until(0, None)
        assert end == len(self.tokens)
        return self.segments(items, "{", False)

    def items_until(self, at, closing):
        """The items up to the closing bracket, and where it stands."""
        items = []
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind == "punct" and token.text == closing:
                break
            if token.kind == "punct" and token.text in CLOSING:
                if self.tokens[at - 1].text == "static_assert":
                    end = self.end_of(at)
                    items.append(Item("".join(t.text for t in self.tokens[at : end + 1]), None))
                    at = end + 1
                    continue
                inner, end = self.items_until(at + 1, CLOSING[token.text])
                text = self.segments(inner, token.text, self.is_code(at), self.asked_by(at))
                items.append(Item(token.text + text + CLOSING[token.text], None))
                at = end + 1
                continue
            items.append(Item(token.text, token))
            at += 1
        return items, at

    def end_of(self, at):
        """Where the bracket that opens at that place is closed."""
        depth = 0
        for end in range(at, len(self.tokens)):
            depth += (self.tokens[end].text in CLOSING) - (self.tokens[end].text in CLOSING.values())
            if depth == 0:
                return end
        return len(self.tokens) - 1

    def is_code(self, at):
        """Whether the brace at that place opens a function's body or a block within."""
        for token in reversed(self.tokens[:at]):
            if token.kind == "punct" and token.text in (";", "{", "}"):
                return True
            if token.text in ("struct", "class", "namespace", "enum", "union"):
                return False
        return True

    def asked_by(self, at):
        """The `if` before that bracket, or None."""
        words = [t for t in self.tokens[max(0, at - 4) : at] if t.kind != "space"]
        return words[-1] if words and words[-1].text == "if" else None

    def segments(self, items, opening, is_code, asked_by=None):
        """Splits what stands between two brackets into expressions, and rewrites each."""
        statements = self.statements(items) if opening == "{" and is_code else {}
        self.mark_templates(items)
        out, segment, closers = [], [], []
        question_from = 0  # where the condition of the `if` begins
        declares = constant = False
        for i, item in enumerate(items):
            if i in statements:
                out.append(self.expression(segment, constant))
                segment = []
                if statements[i]:
                    number = self.add(item.token, "statement -> nothing")
                    out.append(f"{{ if (!{CALL}is({number})) {{ ")
                closers.append("; } }" if statements[i] else ";")
            constant = constant or item.is_token("constexpr", "operator", "template", "static_assert")
            if item.token is not None and item.text in SEPARATORS and not item.is_blank():
                text = self.expression(segment, constant)
                if item.text == "?" and not constant:
                    text = self.condition(text, item.token, " (?:)")
                if item.text == ";" and text.strip() in ("true", "false") and out[-1:] == ["return"]:
                    number = self.add(segment[-1].token, f"{text.strip()} -> its opposite")
                    text = f" {CALL}flipped({number}, {text.strip()})"
                out.append(text)
                segment = []
                if item.text == ";":
                    out.append("".join(reversed(closers)) or ";")
                    closers, constant = [], False
                    question_from, declares = len(out), False
                    continue
                out.append(item.text)
                if item.text in ("+=", "-=") and closers:
                    other = {"+=": "-=", "-=": "+="}[item.text]
                    number = self.add(item.token, f"{item.text} -> {other}")
                    out.append(f" {CALL}added({number}, ")
                    closers.append(")")
                if item.text == "=":
                    question_from, declares = len(out), True
                continue
            segment.append(item)
            if opening == "{" and item.is_bracket("{") and self.ends_block(items, i):
                out.append("".join(t.text for t in self.simple(segment, constant)))
                segment, constant = [], False
        out.append(self.expression(segment, constant))
        if asked_by is None:
            return "".join(out)
        question = "".join(out[question_from:])
        if declares:
            number = self.add(asked_by, "what if declares -> nothing")
            question = f" {CALL}nothing_if({number}, {question})"
        else:
            question = self.condition(question, asked_by, "")
        return "".join(out[:question_from]) + question

    def mark_templates(self, items):
        depth = 0
        for i, item in enumerate(items):
            if item.is_token("<", ">", ">>") and not self.is_spaced(items, i):
                depth = max(0, depth + {"<": 1, ">": -1, ">>": -2}[item.text])
            elif item.is_token(";"):
                depth = 0
            item.of_template = depth > 0

    @staticmethod
    def ends_block(items, i):
        """Whether a statement begins behind the braces."""
        behind = next((t for t in items[i + 1 :] if not t.is_blank()), None)
        if behind is None or behind.token is None:
            return behind is None or behind.is_bracket("{")
        return behind.token.kind == "word" or behind.is_token("++", "--", "*", "::", "~")

    def statements(self, items):
        """Where the statements begin that are expressions, and whether to leave them out: what an
        `if` alone decides on is left out by that already."""
        found, start = {}, 0
        for i, item in enumerate(items):
            if item.is_token(";"):
                begin = self.behind_control(items, start, i)
                if begin is not None:
                    first = next(t for t in items[start:i] if not t.is_blank())
                    behind = next((t for t in items[i + 1 :] if not t.is_blank()), None)
                    has_else = behind is not None and behind.is_token("else")
                    found[begin] = has_else or not first.is_token("if")
                start = i + 1
            elif item.is_bracket("{") and self.ends_block(items, i):
                start = i + 1
        return found

    @staticmethod
    def behind_control(items, start, end):
        """Skips `if (…)`, `else`, `case x:`; None where no expression follows."""
        real = [i for i in range(start, end) if not items[i].is_blank()]
        while real:
            first = items[real[0]]
            if first.is_token("if", "for", "while", "switch"):
                bracket = next((n for n, i in enumerate(real) if items[i].is_bracket("(")), None)
                if bracket is None:
                    return None
                real = real[bracket + 1 :]
            elif first.is_token("else"):
                real = real[1:]
            elif first.is_token("case", "default"):
                colon = next((n for n, i in enumerate(real) if items[i].is_token(":")), None)
                if colon is None:
                    return None
                real = real[colon + 1 :]
            else:
                break
        if not real or items[real[0]].token is None:
            return None
        rest = items[real[0] : end]
        words = [item.text for item in rest if item.token is not None and not item.is_blank()]
        # Reserved space makes no difference but in time.
        if words[0] in NO_STATEMENT or "reserve" in words or words[-1] in ("delete", "default"):
            return None
        shape = re.sub(r" +", " ", "".join(item.shape() for item in rest)).strip()
        return real[0] if STATEMENT.fullmatch(shape) else None

    def condition(self, text, token, mark):
        if not text.strip() or "constexpr" in text:
            return text
        lead = text[: len(text) - len(text.lstrip())]
        number = self.add(token, f"condition{mark} -> never")
        self.add(token, f"condition{mark} -> always")
        return f"{lead}{CALL}condition({number}, {text.strip()}) "

    def expression(self, items, constant):
        items = self.simple(items, constant)
        operators = [
            i for i, item in enumerate(items)
            if item.is_token("&&", "||") and self.is_spaced(items, i)
        ]
        if operators and not constant:
            return self.logic(items, operators)
        return "".join(item.text for item in items)

    @staticmethod
    def is_spaced(items, i):
        return 0 < i < len(items) - 1 and items[i - 1].text.isspace() and items[i + 1].text.isspace()

    def logic(self, items, operators):
        def fold(low, high, names):
            here = [i for i in operators if low <= i < high and items[i].text == names[0]]
            pieces, begin = [], low
            for i in here + [high]:
                if len(names) > 1:
                    pieces.append(fold(begin, i, names[1:]))
                else:
                    pieces.append("".join(item.text for item in items[begin:i]))
                begin = i + 1
            text = pieces[0]
            for i, piece in zip(here, pieces[1:]):
                other = "||" if names[0] == "&&" else "&&"
                number = self.add(items[i].token, f"{names[0]} -> {other}")
                call = "both" if names[0] == "&&" else "either"
                text = (
                    f" {CALL}{call}({number}, {text}, "
                    f"[&]() -> bool {{ return static_cast<bool>({piece}); }})"
                )
            return text

        return fold(0, len(items), ["||", "&&"])

    def simple(self, items, constant):
        """The changes that need no more than their operator."""
        if constant:
            return items
        out = [Item(item.text, item.token) for item in items]
        for i, item in enumerate(items):
            token, text = item.token, item.text
            if token is None or item.of_template:
                continue
            spaced = self.is_spaced(items, i)
            if token.kind == "number" and text == "1":
                before = "".join(t.text for t in items[max(0, i - 4) : i])
                if re.search(r"[\w)\]] [+-] $", before):
                    out[i].text = f"{CALL}one({self.add(token, 'offset of 1 -> 0')})"
            elif token.kind == "word" and text in ALGORITHMS:
                self.algorithm(items, out, i)
            elif token.kind != "punct":
                continue
            elif text in ORDERS and spaced:
                number = self.add(token, f"{text} -> {ORDERS[text][0]}")
                self.add(token, f"{text} -> {ORDERS[text][1]}")
                out[i].text = f"{text} {CALL}Sign<{number}>{{}} {text}"
            elif text in ("==", "!=") and spaced:
                number = self.add(token, f"{text} -> {'!=' if text == '==' else '=='}")
                out[i].text = f"{text} {CALL}Sign<{number}>{{}} {text}"
            elif text in ARITHMETIC and spaced:
                number = self.add(token, f"{text} -> {ARITHMETIC[text]}")
                out[i].text = f"{text} {CALL}Sign<{number}>{{}} {text}"
            elif text == "!":
                out[i].text = f"{CALL}Sign<{self.add(token, '! -> nothing')}>{{}}->*"
        return out

    def algorithm(self, items, out, i):
        """std::min(a, b), std::min<T>(a, b)."""
        if i < 2 or items[i - 1].text != "::" or items[i - 2].text != "std":
            return
        call = next((n for n in range(i + 1, len(items)) if items[n].is_bracket("(")), None)
        if call is None or not re.fullmatch(r"|<[\w:]+>", "".join(t.text for t in items[i + 1 : call])):
            return
        number = self.add(items[i].token, f"{items[i].text} -> {ALGORITHMS[items[i].text]}")
        out[i - 2].text = CALL[:-2]
        out[call].text = f"({number}, {items[call].text[1:]}"
