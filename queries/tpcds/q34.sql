--! title = "Tickets with 15 to 20 items by month part and county"
--! question = "Which customers with many dependents per vehicle bought 15 to 20 items on one ticket near the turn of a month in some counties?"
--! param.BPONE = { default = ">10000", text = ["1001-5000", ">10000", "501-1000"] }
--! param.BPTWO = { default = "Unknown", text = ["0-500", "Unknown", "5001-10000"] }
--! # scale dependent: the number of counties that have a store
--! param.COUNTY.default = [
--!     "Williamson County", "Williamson County", "Williamson County", "Williamson County",
--!     "Williamson County", "Williamson County", "Williamson County", "Williamson County",
--! ]
--! param.COUNTY.count = 8
--! param.COUNTY.text = "store_counties"
--! param.YEAR = { default = 1999, int = [1998, 2000] }
--! deviations = ["the dependents per vehicle are divided as double, so that the quotient is fractional on every engine"]

select
    c_last_name,
    c_first_name,
    c_salutation,
    c_preferred_cust_flag,
    ss_ticket_number,
    cnt
from (
    select
        ss_ticket_number,
        ss_customer_sk,
        count(*) as cnt
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    where (d_dom between 1 and 3 or d_dom between 25 and 28)
        and (hd_buy_potential = {BPONE} or hd_buy_potential = {BPTWO})
        and hd_vehicle_count > 0
        -- the case keeps the division safe wherever the filter above runs later
        and case
            when hd_vehicle_count > 0 then cast(hd_dep_count as double) / hd_vehicle_count
        end > 1.2
        and d_year in ({YEAR}, {YEAR} + 1, {YEAR} + 2)
        and s_county in ({COUNTY})
    group by ss_ticket_number, ss_customer_sk
) as big_tickets
join customer on ss_customer_sk = c_customer_sk
where cnt between 15 and 20
order by
    c_last_name nulls first,
    c_first_name nulls first,
    c_salutation nulls first,
    c_preferred_cust_flag desc nulls last,
    ss_ticket_number
