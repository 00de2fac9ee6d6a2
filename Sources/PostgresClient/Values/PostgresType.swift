/// The types of parameters, with their fixed numbers in PostgreSQL's catalogue (pg_type.dat).
public enum PostgresType: UInt32, Hashable, Sendable {
  case boolean = 16
  case bytes = 17
  case integer = 20
  case text = 25
  case json = 114
  case date = 1082
  case timestamp = 1184
  case numeric = 1700
  case uuid = 2950
  case jsonb = 3802
  case integers = 1016
  case texts = 1009
  case dates = 1182
  case timestamps = 1185
  case numerics = 1231
  case uuids = 2951
}
