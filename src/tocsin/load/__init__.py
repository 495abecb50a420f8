"""Open-loop load on a running deployment, with a ledger of what was acknowledged, decided and delivered."""
