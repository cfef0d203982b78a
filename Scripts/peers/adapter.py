#!/usr/bin/env python3
"""Another optimiser behind the protocol of docs/ask-tell.md.

usage: adapter.py NAME         (serves on standard input and output)
       adapter.py --list
       adapter.py --versions   (each line, a list of packages, is answered by their installed versions)
"""
import importlib
import importlib.metadata
import json
import sys

# name: (module in adapters/, class, its options)
PEERS = {
    "optuna-random": ("optuna", "OptunaPeer", {"sampler": "random"}),
    "optuna-tpe": ("optuna", "OptunaPeer", {"sampler": "tpe"}),
    "optuna-tpe-multivariate": ("optuna", "OptunaPeer", {"sampler": "tpe-multivariate"}),
    "optuna-gp": ("optuna", "OptunaPeer", {"sampler": "gp"}),
    "optuna-cmaes": ("optuna", "OptunaPeer", {"sampler": "cmaes"}),
    "optuna-nsga2": ("optuna", "OptunaPeer", {"sampler": "nsga2"}),
    "optuna-hyperband": ("optuna", "OptunaPeer", {"sampler": "tpe", "hyperband": True}),
    "rustuna-random": ("rustuna", "RustunaPeer", {"sampler": "random"}),
    "rustuna-tpe": ("rustuna", "RustunaPeer", {"sampler": "tpe"}),
    "cmaes": ("cmaes", "CMAPeer", {}),
    "nevergrad": ("nevergrad", "NevergradPeer", {}),
    "hyperopt": ("hyperopt", "HyperoptPeer", {}),
    "smac": ("smac", "SMACPeer", {"facade": "hpo"}),
    "smac-bb": ("smac", "SMACPeer", {"facade": "blackbox"}),
    "smac-hyperband": ("smac", "SMACPeer", {"facade": "hyperband"}),
    "syne-tune-random": ("synetune", "SyneTunePeer", {"scheduler": "RandomSearch"}),
    "syne-tune-bore": ("synetune", "SyneTunePeer", {"scheduler": "BORE"}),
    "syne-tune-cqr": ("synetune", "SyneTunePeer", {"scheduler": "CQR"}),
    "syne-tune-asha": ("synetune", "SyneTunePeer", {"scheduler": "ASHA"}),
    "syne-tune-bohb": ("synetune", "SyneTunePeer", {"scheduler": "BOHB"}),
    "syne-tune-cqr-asha": ("synetune", "SyneTunePeer", {"scheduler": "ASHACQR"}),
    "ax": ("ax", "AxPeer", {}),
    "dehb": ("dehb", "DEHBPeer", {}),
    "hebo": ("hebo", "HEBOPeer", {}),
    "turbo": ("turbo", "TurboPeer", {}),
    "baxus": ("baxus", "BAxUSPeer", {}),
}

# The exit status for a package that is missing (EX_UNAVAILABLE).
UNAVAILABLE = 69


def versions(packages):
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def main(arguments):
    if arguments == ["--list"]:
        print("\n".join(PEERS))
        return 0
    if arguments == ["--versions"]:
        for line in sys.stdin:
            print(json.dumps(versions(json.loads(line))), flush=True)
        return 0
    if len(arguments) != 1 or arguments[0] not in PEERS:
        print(__doc__, file=sys.stderr)
        return 64
    from adapters.base import Server

    server = Server()
    module, kind, options = PEERS[arguments[0]]
    try:
        peer = getattr(importlib.import_module(f"adapters.{module}"), kind)(**options)
        server.serve(arguments[0], importlib.metadata.version(peer.package), peer)
    except ImportError as error:
        print(f"{arguments[0]} is not installed: {error}", file=sys.stderr)
        return UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
