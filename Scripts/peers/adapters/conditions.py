"""The conditions of a study file: `optimizer == sgd and layers >= 2`, `kind in ["a", "b"]`."""
import ast
import operator
import re

COMPARISONS = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


class Inactive(Exception):
    """The expression mentions a parameter that has no value here."""


class Condition:
    def __init__(self, text, names):
        self.text = text
        quoted = []

        def stand_in(match):
            quoted.append(match.group(0)[1:-1])
            return f" __name{len(quoted) - 1}__ "

        # Texts in double quotes stay as they are; names in backticks become identifiers.
        pieces = re.split(r'("(?:[^"\\]|\\.)*")', text)
        plain = "".join(p if p.startswith('"') else re.sub(r"`[^`]*`", stand_in, p) for p in pieces)
        self.quoted = quoted
        self.parameters = set(names)
        self.tree = ast.parse(plain.strip(), mode="eval").body
        self.names = [n for n in (self.name(x) for x in ast.walk(self.tree)) if n in self.parameters]

    def name(self, node):
        if not isinstance(node, ast.Name):
            return None
        stand_in = re.fullmatch(r"__name(\d+)__", node.id)
        return self.quoted[int(stand_in.group(1))] if stand_in else node.id

    def holds(self, values):
        """Whether it is true beside these values; false when it mentions a parameter that is inactive."""
        if any(name not in values for name in self.names):
            return False
        return bool(self.evaluate(self.tree, values))

    def evaluate(self, node, values):
        def value(part):
            return self.evaluate(part, values)

        if isinstance(node, ast.BoolOp):
            return (all if isinstance(node.op, ast.And) else any)(value(part) for part in node.values)
        if isinstance(node, ast.UnaryOp):
            return not value(node.operand) if isinstance(node.op, ast.Not) else -value(node.operand)
        if isinstance(node, ast.BinOp):
            return ARITHMETIC[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = value(node.left), value(node.comparators[0])
            if isinstance(node.ops[0], ast.In):
                return left in right
            if isinstance(node.ops[0], ast.NotIn):
                return left not in right
            return COMPARISONS[type(node.ops[0])](left, right)
        if isinstance(node, ast.List):
            return [value(part) for part in node.elts]
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            name = self.name(node)
            if name in self.parameters:
                return values[name]
            return {"true": True, "false": False}.get(name, name)
        raise ValueError(f"the condition '{self.text}' cannot be read")

    def choices(self):
        """(parameter, list of values) when the condition is that one parameter has one of some values; else None."""
        node = self.tree
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.In)):
            return None
        name = self.name(node.left)
        if name not in self.parameters or len(self.names) != 1:
            return None
        right = self.evaluate(node.comparators[0], {})
        return name, right if isinstance(node.ops[0], ast.In) else [right]
