/**
 * Where on earth an isolate runs, in the platform's own words for where objects can be placed. One relay stands in each
 * region, or several where it is hot.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { hash32 } from "#shared/std/hash.ts"

/** The platform's location hints. */
export const REGIONS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"] as const
export type Region = (typeof REGIONS)[number]

/** Relays of isolates that do not know where they are: local development, and Workers that never saw a public request. */
export const NOWHERE = "any"

/**
 * The platform's data centres, as they stood in 2026, by the region whose relay is nearest. One that is missing here goes by its
 * continent: that costs milliseconds, and nothing else.
 */
const COLOS: Readonly<Record<Region, string>> = {
  wnam: "ABQ ANC DEN GDL HNL LAS LAX PDX PHX SAN SEA SFO SJC SLC SMF YVR YXE YYC",
  enam:
    "ATL AUS BGR BNA BOS BUF CLE CLT CMH DFW DTW EWR FSD IAD IAH IND JAX KIN MCI MEM MEX MIA MSP OKC OMA ORD ORF PHL PIT " +
    "QRO RDU RIC SAT SDQ SJU STI STL TLH TPA YHZ YOW YUL YWG YYZ",
  sam:
    "ARI ARU ASU BAQ BEL BGI BNU BOG BSB CAW CCP CFC CGB CLO CNF COR CWB EZE FLN FOR GEO GIG GND GRU GUA GYE GYN JDO JOI " +
    "LIM LPB MAO MDE NQN NVT PBM PMW POA POS PTY QWJ RAO REC SAP SCL SJK SJO SJP SOD SSA TGU UDI UIO VCP VIX XAP",
  weur: "AMS ARN BCN BOD BRU CDG CPH DUB DUS FCO FRA GOT GVA HAM KEF LHR LIS LUX LYS MAD MAN MLA MRS MUC MXP OSL PMO STR TXL ZRH",
  eeur: "ADB ATH BEG BTS BUD DME HEL IST KBP KIV KJA LCA LED MSQ OTP PRG RIX SKG SKP SOF TBS TIA TLL VIE VNO WAW WRO ZAG",
  apac: "AGR AKX ALA AMD BLR BOM CCU CGP CJB CMB CNN COK DAC DEL FRU HYD ISB IXC KHI KNU KTM LHE MAA MLE NAG NQZ PAT PBH",
  "apac-ne":
    "BHY CAN CGD CGO CKG CSX CTU CZX DLC FOC FUK FUO HAK HGH HKG HYN ICN JXG KHH KHN KIX KMG KWE MFM NRT OKA PKX SHA SJW " +
    "SZX TAO TEN TNA TPE TYN ULN XFN XIY XNN",
  "apac-se": "BKK BWN CEB CGK CGY CNX CRK DAD DPS HAN JHB JOG KCH KUL MLG MNL PNH SGN SIN URT VTE",
  oc: "ADL AKL BNE CBR CHC GUM HBA MEL NAN NOU PER PPT SUV SYD",
  afr:
    "AAE ABJ ACC ADD ALG ASK CPT CZL DAR DKR DUR EBB FIH GBE HRE JIB JNB KGL LAD LLW LOS LUN MBA MPM MRU NBO ORN OUA RUN " +
    "TNR TUN WDH",
  me: "AMM BAH BEY BGW BSR CAI DMM DOH DXB EBL EVN GYD HFA ISU JED KWI LLK MCT NJF RUH TLV XNH ZDM",
}

const CONTINENTS: ReadonlyMap<string | undefined, Region> = new Map([
  ["NA", "enam"],
  ["SA", "sam"],
  ["EU", "weur"],
  ["AS", "apac-se"],
  ["OC", "oc"],
  ["AF", "afr"],
])

let byColo: ReadonlyMap<string, Region> | undefined

/** `colo` and `continent` as the platform tells them of a request (`AMS`, `EU`). Undefined when neither says anything. */
export function regionOf(colo: string | undefined, continent?: string): Region | undefined {
  byColo ??= new Map(REGIONS.flatMap((region) => COLOS[region].split(" ").map((name) => [name, region] as const)))
  return (colo === undefined ? undefined : byColo.get(colo)) ?? CONTINENTS.get(continent)
}

/** The name of the relay that an isolate asks, of the `spread` relays that its region's isolates are spread over. */
export function relayName(region: Region | undefined, isolate: string, spread: number): string {
  const share = hash32(isolate) % Math.min(Math.max(1, spread), LIMITS.relaySpreadMax)
  return share === 0 ? (region ?? NOWHERE) : `${region ?? NOWHERE}#${share}`
}

/** Where the relay of this name is to be placed; undefined: wherever it is first asked. */
export function regionOfRelay(name: string): Region | undefined {
  const region = name.split("#")[0]
  return REGIONS.find((known) => known === region)
}
