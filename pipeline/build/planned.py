"""What a gateway's image is going to be, as the plan has it."""

from __future__ import annotations

from dataclasses import replace

from pipeline.build import reading
from pipeline.host.workspace import Workspace
from pipeline.model.image_view import ImageView
from pipeline.plan.image_plan import Plan, plan_device


def device_plan_of(workspace: Workspace, name: str) -> Plan:
    """The device layer of one gateway, planned on the base as planned."""
    gateway = reading.gateway_of(workspace, name)
    return plan_device(
        reading.inputs_of(workspace),
        reading.product_plan_of(workspace),
        gateway,
        reading.secrets_of(workspace, gateway),
        reading.outside_of(workspace, gateway),
    )


def view_of_gateway(workspace: Workspace, plan: Plan) -> ImageView:
    """What rules and readers look at: the vanilla image with both layers, and what lies outside of it."""
    product = reading.product_plan_of(workspace)
    view = ImageView.of(reading.inputs_of(workspace).vanilla).after(product.layer).after(plan.layer)
    return replace(
        view,
        raw={change.region: change.content for change in product.raw},
        beside={sidecar.file: sidecar.content for sidecar in plan.sidecars},
    )
