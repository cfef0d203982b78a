"""The space as ConfigSpace has it, with native conditions, for SMAC and DEHB."""
import ast

import ConfigSpace as cs

from .conditions import describe
from .space import Unsupported


def hyperparameter(axis):
    if axis.kind == "category":
        return cs.CategoricalHyperparameter(axis.name, axis.labels)
    if axis.kind == "ordinal":
        return cs.OrdinalHyperparameter(axis.name, list(range(int(axis.high) + 1)))
    if axis.low == axis.high:
        return cs.Constant(axis.name, axis.low)
    if axis.kind == "float":
        return cs.UniformFloatHyperparameter(axis.name, axis.low, axis.high, log=axis.log)
    return cs.UniformIntegerHyperparameter(axis.name, axis.low, axis.high, log=axis.log)


def condition(child, node, space, parameters):
    """The condition of one hyperparameter from a part of its expression."""
    expression = child.condition

    def refuse():
        raise Unsupported(f"{child.name}: the condition '{expression.text}' cannot be taken")

    if isinstance(node, ast.BoolOp):
        parts = [condition(child, part, space, parameters) for part in node.values]
        return (cs.AndConjunction if isinstance(node.op, ast.And) else cs.OrConjunction)(*parts)
    if isinstance(node, ast.Name) and expression.name(node) is not None:
        parent = parameters.by_name[expression.name(node)]
        values, op = [True], ast.Eq
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and expression.name(node.left) is not None:
        parent = parameters.by_name[expression.name(node.left)]
        op, right = type(node.ops[0]), node.comparators[0]
        items = getattr(right, "elts", [right])
        if parent.name in expression.choices:
            values = [expression.choice(item) for item in items]
        elif all(isinstance(item, ast.Constant) for item in items):
            values = [item.value for item in items]
        else:
            refuse()
    else:
        refuse()
    axis = parent.axis
    if axis is None or axis.low == axis.high and axis.kind != "category":
        refuse()
    if axis.kind in ("category", "ordinal"):
        names = [describe(choice) for choice in parent.choices]
        indices = [names.index(describe(value)) for value in values]
        values = [axis.labels[i] for i in indices] if axis.kind == "category" else indices
    elif axis.kind != "integer" or parent.step != 1:
        refuse()
    one, other = space[child.axis.name], space[axis.name]
    if op is ast.In:
        return cs.InCondition(one, other, values)
    kinds = {
        ast.Eq: cs.EqualsCondition, ast.NotEq: cs.NotEqualsCondition, ast.Gt: cs.GreaterThanCondition,
        ast.Lt: cs.LessThanCondition,
    }
    if op not in kinds:
        refuse()
    return kinds[op](one, other, values[0])


def configuration_space(parameters, seed):
    # Its random state takes 32 bits.
    space = cs.ConfigurationSpace(seed=seed % 2**32)
    space.add([hyperparameter(axis) for axis in parameters.axes])
    for parameter in parameters.order:
        if parameter.condition and parameter.axis:
            space.add(condition(parameter, parameter.condition.tree, space, parameters))
    return space
