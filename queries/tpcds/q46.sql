--! title = "Weekend shopping away from the home city"
--! question = "Who bought on weekends in stores of some cities while living in another city than the ticket's address, and for how much?"
--! # scale dependent: the number of cities that have a store
--! param.CITY.default = ["Fairview", "Midway", "Fairview", "Fairview", "Fairview"]
--! param.CITY.count = 5
--! param.CITY.text = "cities"
--! param.DEPCNT = { default = 4, int = [0, 9] }
--! param.VEHCNT = { default = 3, int = [-1, 4] }
--! param.YEAR = { default = 1999, int = [1998, 2000] }

select
    c_last_name,
    c_first_name,
    home.ca_city,
    bought_city,
    ss_ticket_number,
    amt,
    profit
from (
    select
        ss_ticket_number,
        ss_customer_sk,
        ca_city as bought_city,
        sum(ss_coupon_amt) as amt,
        sum(ss_net_profit) as profit
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join customer_address on ss_addr_sk = ca_address_sk
    where (hd_dep_count = {DEPCNT} or hd_vehicle_count = {VEHCNT})
        and d_dow in (6, 0)
        and d_year in ({YEAR}, {YEAR} + 1, {YEAR} + 2)
        and s_city in ({CITY})
    group by ss_ticket_number, ss_customer_sk, ss_addr_sk, ca_city
) as weekend_tickets
join customer on ss_customer_sk = c_customer_sk
join customer_address as home on c_current_addr_sk = home.ca_address_sk
where home.ca_city <> bought_city
order by
    c_last_name nulls first,
    c_first_name nulls first,
    home.ca_city,
    bought_city,
    ss_ticket_number
limit 100
