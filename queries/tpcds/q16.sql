--! title = "Catalog orders shipped from several warehouses"
--! question = "Of the catalog orders sent to one state by call centers of chosen counties within 60 days, how many left from more than one warehouse and had nothing returned, and what did they cost and earn?"
--! param.COUNTY.default = [
--!     "Williamson County", "Williamson County", "Williamson County", "Williamson County",
--!     "Williamson County",
--! ]
--! param.COUNTY.count = 5
--! param.COUNTY.text = "call_center_counties"
--! param.MONTH = { default = 2, int = [2, 5] }
--! param.STATE = { default = "GA", text = "states" }
--! param.YEAR = { default = 2002, int = [1999, 2002] }
--! deviations = ["the columns have plain identifiers instead of quoted ones"]

select
    count(distinct cs1.cs_order_number) as order_count,
    sum(cs1.cs_ext_ship_cost) as total_shipping_cost,
    sum(cs1.cs_net_profit) as total_net_profit
from catalog_sales as cs1
join date_dim on cs1.cs_ship_date_sk = d_date_sk
join customer_address on cs1.cs_ship_addr_sk = ca_address_sk
join call_center on cs1.cs_call_center_sk = cc_call_center_sk
where d_date between date '{YEAR}-0{MONTH}-01' and date '{YEAR}-0{MONTH}-01' + interval '60' day
    and ca_state = {STATE}
    and cc_county in ({COUNTY})
    and exists (
        select *
        from catalog_sales as cs2
        where cs2.cs_order_number = cs1.cs_order_number
            -- a line without a warehouse never counts as another warehouse: the comparison is null
            and cs2.cs_warehouse_sk <> cs1.cs_warehouse_sk
    )
    and not exists (
        select *
        from catalog_returns
        where cr_order_number = cs1.cs_order_number
    )
order by count(distinct cs1.cs_order_number)
limit 100
