"""Trains one network to tell two spirals apart; runs by itself, too."""

import math

import torch
from torch import nn

import trimtab as tt
from trimtab.torch import Loop

torch.set_num_threads(1)
trial = tt.current_trial()
params = {"learning_rate": 0.01, "layers": 2, "width": 32, "optimizer": "adam", **trial.params}


def spirals(count, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    turns = torch.rand(count, generator=generator) * 3
    angles = turns * math.pi + labels * math.pi
    points = torch.stack([turns * torch.cos(angles), turns * torch.sin(angles)], dim=1)
    return points + torch.randn(count, 2, generator=generator) / 20, labels


points, labels = spirals(800, seed=1)
valid_points, valid_labels = spirals(400, seed=2)

torch.manual_seed(trial.seed or 1)
sizes = [2] + [params["width"]] * params["layers"]
parts = [part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), nn.ReLU())]
model = nn.Sequential(*parts, nn.Linear(sizes[-1], 2))
if params["optimizer"] == "adam":
    optimizer = torch.optim.Adam(model.parameters(), lr=params["learning_rate"])
else:
    optimizer = torch.optim.SGD(model.parameters(), lr=params["learning_rate"], momentum=params["momentum"])

# Restores what an earlier run of the trial saved, and ends where this run should.
loop = Loop(27, metric="loss", model=model, optimizer=optimizer)
for epoch in loop:
    for batch in torch.randperm(len(points)).split(32):
        loss = nn.functional.cross_entropy(model(points[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        outputs = model(valid_points)
        loop.report(
            loss=nn.functional.cross_entropy(outputs, valid_labels).item(),
            accuracy=(outputs.argmax(1) == valid_labels).float().mean().item())
print("loss", loop.value)
