"""One trace runs from the caller through the door, the log and the ledger to the event that others consume."""


async def test_one_trace_runs_from_the_push_to_the_event_of_what_was_written(
    spans, under_contract, a_batch, as_role, bus, eventually
):
    caller = "4bf92f3577b34da6a3ce929d0e0e4736"
    metadata = (*as_role("partner")["metadata"], ("traceparent", f"00-{caller}-00f067aa0ba902b7-01"))
    call = under_contract.intake.PushBatches(iter([a_batch(), a_batch("b-2", (-5.0,))]), metadata=metadata)
    assert len([answer async for answer in call]) == 2

    async def events():
        state = (await bus.jetstream.stream_info("INGEST")).state
        return state.messages >= 2 and [await bus.jetstream.get_msg("INGEST", n) for n in (1, 2)]

    for event in await eventually(events):
        assert event.headers["traceparent"].split("-")[1] == caller
        assert event.headers["ce-traceparent"] == event.headers["traceparent"]

    def names():
        found = {span.name for span in spans.get_finished_spans() if format(span.context.trace_id, "032x") == caller}
        return {"intake batch", "ledger write", "COPY ingest.observation"} <= found

    await eventually(names)
    quarantined = await bus.jetstream.get_msg("OBSERVATIONS", 2)
    from ioc.ingest.v1 import events_pb2

    assert events_pb2.BatchAccepted.FromString(quarantined.data).quarantine[0].trace_id == caller
