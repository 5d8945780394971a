--! title = "Early-month shoppers who now live in another city"
--! question = "Which customers of a given kind of household bought in stores of two cities on the first days of a month, for an address in another city than their current one, and for how much?"
--! param.CITY = { default = ["Fairview", "Midway"], count = 2, text = "cities" }
--! param.DEPCNT = { default = 4, int = [0, 9] }
--! param.VEHCNT = { default = 3, int = [-1, 4] }
--! param.YEAR = { default = 1999, int = [1998, 2000] }
--! deviations = ["the parameters CITY_A and CITY_B are one list CITY, over all cities instead of those in use by the stores"]

select
    c_last_name,
    c_first_name,
    current_addr.ca_city,
    bought_city,
    ss_ticket_number,
    extended_price,
    extended_tax,
    list_price
from (
    select
        ss_ticket_number,
        ss_customer_sk,
        ca_city as bought_city,
        sum(ss_ext_sales_price) as extended_price,
        sum(ss_ext_list_price) as list_price,
        sum(ss_ext_tax) as extended_tax
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join customer_address on ss_addr_sk = ca_address_sk
    where d_dom between 1 and 2
        and (hd_dep_count = {DEPCNT} or hd_vehicle_count = {VEHCNT})
        and d_year in ({YEAR}, {YEAR} + 1, {YEAR} + 2)
        and s_city in ({CITY})
    group by ss_ticket_number, ss_customer_sk, ss_addr_sk, ca_city
) as tickets
join customer on ss_customer_sk = c_customer_sk
join customer_address as current_addr on c_current_addr_sk = current_addr.ca_address_sk
where current_addr.ca_city <> bought_city
order by c_last_name nulls first, ss_ticket_number
limit 100
