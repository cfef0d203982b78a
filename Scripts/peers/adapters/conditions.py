"""The conditions of a study file: `optimizer == sgd and layers >= 2`, `kind in ["a", "b"]`."""
import ast
import math
import operator
import re

COMPARISONS = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
MIRRORED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}

# Texts, names in backticks, numbers, and words.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\w+', re.DOTALL)


def describe(value):
    """A choice as expressions name it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == round(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def divide(a, b):
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)
    return a / b


ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: divide}


class Condition:
    """An expression, read by Python's own parser, in which numbered identifiers stand for names and texts.

    Choices are compared by their names, and ordinal ones by their order too; choices that are all numbers, as numbers.
    """

    def __init__(self, text, specs):
        self.text = text
        self.words = []  # (what an identifier stands for, whether it is a text)

        def stand_in(match):
            token = match.group(0)
            if token in ("and", "or", "not", "in") or token[0].isdigit():
                return token
            if token[0] == '"':
                self.words.append((re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL), True))
            else:
                self.words.append((token.strip("`"), False))
            return f" w{len(self.words) - 1} "

        self.parameters = set(specs)
        self.choices = {}
        for name, spec in specs.items():
            values = {"boolean": [False, True], "constant": [spec.get("value")]}.get(spec["type"], spec.get("choices"))
            if values is not None and not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
                self.choices[name] = [describe(v) for v in values]
        self.tree = ast.parse(TOKEN.sub(stand_in, text).strip(), mode="eval").body
        self.names = [n for n in (self.name(x) for x in ast.walk(self.tree)) if n is not None]
        # A choice may have the name of a parameter; it mentions none then.
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Compare) and self.name(node.left) in self.choices:
                choices = node.comparators[0].elts if isinstance(node.comparators[0], ast.List) else node.comparators
                for right in choices:
                    if self.name(right) is not None:
                        self.names.remove(self.name(right))

    def name(self, node):
        """The parameter that a node stands for; None when it stands for something else."""
        if not isinstance(node, ast.Name):
            return None
        word, is_text = self.words[int(node.id[1:])]
        return word if word in self.parameters and not is_text else None

    def holds(self, values):
        """Whether it is true beside these values; false when it mentions a parameter that is inactive."""
        if any(name not in values for name in self.names):
            return False
        return self.truth(self.tree, values) is True

    def truth(self, node, values):
        """True, False, or None where arithmetic has no value."""
        if isinstance(node, ast.BoolOp):
            decisive = isinstance(node.op, ast.Or)
            parts = [self.truth(part, values) for part in node.values]
            return decisive if decisive in parts else None if None in parts else not decisive
        if isinstance(node, ast.UnaryOp):
            part = self.truth(node.operand, values)
            return None if part is None else not part
        if isinstance(node, ast.Name):
            name = self.name(node)
            return values[name] if name is not None else self.words[int(node.id[1:])][0] == "true"
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            raise self.unreadable()
        left, op, right = node.left, type(node.ops[0]), node.comparators[0]
        if self.name(left) not in self.choices and self.name(right) in self.choices:
            left, op, right = right, MIRRORED.get(op, op), left
        choices = self.choices.get(self.name(left))
        items = right.elts if isinstance(right, ast.List) else [right]
        if choices is not None:
            a = choices.index(describe(values[self.name(left)]))
            b = [choices.index(self.choice(item)) for item in items]
        else:
            a, b = self.number(left, values), [self.number(item, values) for item in items]
            if math.isnan(a) or any(math.isnan(x) for x in b):
                return None
        if op in (ast.In, ast.NotIn):
            return (a in b) == (op is ast.In)
        return COMPARISONS[op](a, b[0])

    def choice(self, node):
        """The name of a choice that stands in the expression."""
        if isinstance(node, ast.UnaryOp):
            return "-" + self.choice(node.operand)
        return describe(node.value) if isinstance(node, ast.Constant) else self.words[int(node.id[1:])][0]

    def number(self, node, values):
        if isinstance(node, ast.UnaryOp):
            return -self.number(node.operand, values)
        if isinstance(node, ast.BinOp):
            return ARITHMETIC[type(node.op)](self.number(node.left, values), self.number(node.right, values))
        if isinstance(node, ast.Constant):
            return float(node.value)
        if self.name(node) is not None:
            return float(values[self.name(node)])
        raise self.unreadable()

    def unreadable(self):
        return ValueError(f"the condition '{self.text}' cannot be read")

    def is_choice(self):
        """(parameter, names of its choices) when the condition is that it has one of some choices; else None."""
        node = self.tree
        if isinstance(node, ast.Name) and self.name(node) is not None:
            return self.name(node), ["true"]
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.In)):
            return None
        if self.name(node.left) not in self.choices:
            return None
        right = node.comparators[0]
        return self.name(node.left), [self.choice(item) for item in getattr(right, "elts", [right])]
