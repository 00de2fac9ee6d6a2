extension RedisLinkStateMachine.Step {
  func write(to writer: inout RESPWriter) {
    switch self {
    case .auth(nil, let password):
      writer.array(2)
      writer.bulk("AUTH")
      writer.bulk(password.exposed)
    case .auth(let user?, let password):
      writer.array(3)
      writer.bulk("AUTH")
      writer.bulk(user)
      writer.bulk(password.exposed)
    case .select(let database):
      writer.array(2)
      writer.bulk("SELECT")
      writer.bulk(Int64(database))
    case .endEarlier(let identity):
      writer.array(6)
      for word in ["CLIENT", "KILL", "ID", identity.id, "ADDR", identity.address] {
        writer.bulk(word)
      }
    case .identify:
      writer.array(2)
      writer.bulk("CLIENT")
      writer.bulk("INFO")
    case .ping: Redis.Ping().write(to: &writer)
    }
  }
}
