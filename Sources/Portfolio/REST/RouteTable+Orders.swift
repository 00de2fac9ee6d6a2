// Orders are read here and placed at the exchange.
import Credentials
import MarketData
import WebTransport

extension RouteTable {
  static let orderRoutes: [Route] =
    [
      Route(
        method: .get, pattern: "/v2/orders", operation: "get_orders",
        summary: "The account's orders.",
        parameters: [
          Parameters.orderStatus, Parameters.orderLimit, Parameters.after, Parameters.until,
          Parameters.direction, Parameters.nested, Parameters.side, Parameters.symbols,
        ],
        success: .ok(.array(Answers.order.reference), "The orders.")
      ) { call in
        let orders = try await call.service.store.orders(call.owner.accountID, filter(call))
        return try .json(Answers.order, orders)
      },
      Route(
        method: .get, pattern: "/v2/orders/{order_id}", operation: "get_order_by_id",
        summary: "One order.", parameters: [Parameters.orderID, Parameters.nested],
        success: .ok(Answers.order.reference, "The order.")
      ) { call in
        let order = try await call.service.store.order(
          call.owner.accountID, id: call.arguments.required(Parameters.orderID),
          isNested: call[Parameters.nested] ?? false)
        guard let order else { throw missing }
        return try .json(Answers.order, order)
      },
      Route(
        method: .get, pattern: "/v2/orders:by_client_order_id", operation: "get_order_by_client_id",
        summary: "One order, by the id that the client gave it.",
        parameters: [Parameters.clientOrderID, Parameters.nested],
        success: .ok(Answers.order.reference, "The order."),
        errors: [(404, "No order has the id.")]
      ) { call in
        let order = try await call.service.store.order(
          call.owner.accountID, clientOrderID: call.arguments.required(Parameters.clientOrderID),
          isNested: call[Parameters.nested] ?? false)
        guard let order else { throw missing }
        return try .json(Answers.order, order)
      },
    ] + refusals

  private static let missing = HTTPError.notFound("order not found")

  private static func filter(_ call: Call) -> OrderFilter {
    var filter = OrderFilter()
    switch call[Parameters.orderStatus] {
    case "closed": filter.status = .closed
    case "all": filter.status = .all
    default: break
    }
    if let limit = call[Parameters.orderLimit] { filter.limit = Int(limit) }
    filter.after = call[Parameters.after]
    filter.until = call[Parameters.until]
    filter.isAscending = call[Parameters.direction] == "asc"
    filter.side = call[Parameters.side]
    // An empty list, which the official SDK sends for one, is no filter.
    filter.symbols = call[Parameters.symbols].flatMap { $0.isEmpty ? nil : $0 }
    filter.isNested = call[Parameters.nested] ?? false
    return filter
  }

  // MARK: - What is not done here

  /// Nothing is read of these requests: whatever they ask is refused alike.
  private static let refusals: [Route] = [
    (HTTPMethod.post, "/v2/orders", "submit_order"),
    (.delete, "/v2/orders", "cancel_orders"),
    (.patch, "/v2/orders/{order_id}", "replace_order_by_id"),
    (.delete, "/v2/orders/{order_id}", "cancel_order_by_id"),
    (.delete, "/v2/positions", "close_all_positions"),
    (.delete, "/v2/positions/{symbol_or_asset_id+}", "close_position"),
  ].map { method, pattern, operation in
    Route(
      method: method, pattern: pattern, operation: operation,
      summary: "Refused: orders go to the exchange.",
      parameters: pattern.contains("order_id")
        ? [Parameters.refusedOrderID] : pattern.contains("{") ? [Parameters.assetName] : [],
      takesAnything: true,
      success: nil,
      errors: [(403, "Orders are placed, changed and cancelled at the exchange, not here.")]
    ) { _ in throw ordersGoToTheExchange }
  }

  static let ordersGoToTheExchange = HTTPError(
    status: 403, code: 40_310_000,
    message: "orders go to the exchange: this service reads them and does not place, change or "
      + "cancel any")
}
