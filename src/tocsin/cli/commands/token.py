"""`tocsin token`: a token of the running deployment, for a role, an agency or a unit."""

from typing import Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend


def register(app: typer.Typer) -> None:
    """Adds `token`."""

    @app.command()
    def token(
        who: Annotated[str, typer.Argument(help="A role (call_taker, commander, …), an agency or a unit.")],
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Prints the token: `curl -H "Authorization: Bearer $(tocsin token admin)" …` keeps it out of scripts.

        Within a container or a pod it is signed afresh, for a shift, with the deployment's secret; so is one for an
        agency or a unit that came with a policy activated since.
        """
        from tocsin.cli.progress import out
        from tocsin.cli.tokens import issue_in_force

        deployment = Deployment.find(data_dir)
        held = deployment.tokens | deployment.agency_tokens | deployment.unit_tokens
        if who not in held:
            held |= issue_in_force(deployment.settings())
        if who not in held:
            raise Mend(f"There is no token for {who!r}", f"Take one of: {', '.join(held)}.")
        if as_json:
            out({"who": who, "token": held[who]})
        else:
            print(held[who])
